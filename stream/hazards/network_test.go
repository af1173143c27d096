package hazards

// What is held here:
//   - an instance's way to the brokers can be cut, to all of them or to one, and silenced, for either client.

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// network is an instance's way to the brokers.
type network struct {
	mu     sync.Mutex
	refuse func(address string) bool // nil: nothing
	conns  []net.Conn
	silent atomic.Bool // no answers come
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil && n.refuse(address) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	n.conns = append(n.conns, conn)
	return answers{conn, n}, nil
}

// answers is a connection over which nothing comes while its network is silent.
type answers struct {
	net.Conn
	n *network
}

func (a answers) Read(b []byte) (int, error) {
	for {
		n, err := a.Conn.Read(b)
		if err != nil || !a.n.silent.Load() {
			return n, err
		}
	}
}

// Dial has a network be sarama's proxy.
func (n *network) Dial(network, address string) (net.Conn, error) {
	return n.dial(context.Background(), network, address)
}

// cut ends every connection and refuses new ones until mend.
func (n *network) cut() { n.set(func(string) bool { return true }) }

// cutOff is cut for one broker.
func (n *network) cutOff(broker string) { n.set(func(to string) bool { return to == broker }) }

// mend ends every connection and allows new ones.
func (n *network) mend() {
	n.silent.Store(false)
	n.set(nil)
}

func (n *network) set(refuse func(string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse = refuse
	for _, conn := range n.conns {
		conn.Close()
	}
	n.conns = nil
}
