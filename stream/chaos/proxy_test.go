package chaos

// What is held here:
//   - one instance's way to every broker leads through its proxy, which can hold requests, answers or both: as a network
//     does that is cut without a word, and delivers what was under way when it is whole again;
//   - a request of a given kind can be caught: it, or its answer, is the first that is held.

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
)

// direction is a way through the proxy.
type direction int

const (
	requests direction = iota
	answers
)

// Kinds of requests in Kafka's protocol.
const (
	endTxn          int16 = 26
	txnOffsetCommit int16 = 28
)

// catch asks the proxy to hold a direction as soon as a request of the kind comes by.
type catch struct {
	kind   int16
	hold   direction
	caught chan struct{}
}

// proxy is a listener that a counter connects to instead of the brokers.
type proxy struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	held    [2]bool
	catch   *catch
	conns   map[net.Conn]bool
	closed  bool
}

func newProxy() (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, conns: map[net.Conn]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.serve(conn) })
		}
	})
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// serve connects to the broker that the first line names.
func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	if !p.keep(conn) {
		return
	}
	defer p.forget(conn)
	in := bufio.NewReader(conn)
	address, err := in.ReadString('\n')
	if err != nil {
		return
	}
	broker, err := net.Dial("tcp", strings.TrimSpace(address))
	if err != nil {
		return
	}
	defer broker.Close()
	if !p.keep(broker) {
		return
	}
	defer p.forget(broker)
	p.tasks.Go(func() {
		defer conn.Close()
		defer broker.Close()
		p.answer(conn, broker)
	})
	p.request(broker, in)
}

// keep notes a connection; false when the proxy is closed.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = true
	}
	return !p.closed
}

func (p *proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// request forwards requests one by one: a size in four bytes, then the request, which begins with its kind in two.
func (p *proxy) request(to io.Writer, from io.Reader) {
	for {
		size := make([]byte, 4)
		if _, err := io.ReadFull(from, size); err != nil {
			return
		}
		request := append(size, make([]byte, binary.BigEndian.Uint32(size))...)
		if _, err := io.ReadFull(from, request[4:]); err != nil {
			return
		}
		if !p.pass(requests, int16(binary.BigEndian.Uint16(request[4:]))) {
			return
		}
		if _, err := to.Write(request); err != nil {
			return
		}
	}
}

// answer forwards answers as they come.
func (p *proxy) answer(to io.Writer, from io.Reader) {
	const none = -1
	some := make([]byte, 64<<10)
	for {
		n, err := from.Read(some)
		if err != nil || !p.pass(answers, none) {
			return
		}
		if _, err := to.Write(some[:n]); err != nil {
			return
		}
	}
}

// pass waits while the direction is held; false when the proxy is closed.
func (p *proxy) pass(way direction, kind int16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.catch; c != nil && c.kind == kind {
		p.catch = nil
		p.held[c.hold] = true
		close(c.caught)
	}
	for p.held[way] && !p.closed {
		p.changed.Wait()
	}
	return !p.closed
}

// hold stops the directions.
func (p *proxy) hold(ways ...direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, way := range ways {
		p.held[way] = true
	}
}

// release lets everything go on, with what was held first, and catches nothing more.
func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catch, p.held = nil, [2]bool{}
	p.changed.Broadcast()
}

// hang holds a direction from the next request of the kind on: that request, or its answer, is the first held. The
// channel is closed then.
func (p *proxy) hang(kind int16, hold direction) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catch = &catch{kind, hold, make(chan struct{})}
	return p.catch.caught
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		conn.Close()
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	p.tasks.Wait()
}
