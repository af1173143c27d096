// Rules of the name that we give ourselves in EHLO (RFC 5321 §4.1.1.1):
//   - it is the one that is set: a full name, or an address literal (§4.1.3);
//   - else a relay on this machine hears localhost, any other the machine's name, if that is a full one;
//   - else it is the address that we come from, as a literal: some relays refuse localhost, and names without a dot.

package mail

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
)

// fullName is two labels or more, the last of which no address could end with.
var fullName = regexp.MustCompile(`^(?i:([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?)$`)

// mostName is how long a name may be, in bytes (RFC 5321 §4.5.3.1.2).
const mostName = 255

// helloTo says what to call ourselves to a relay at host, on a machine of that name. Empty means by the connection's address.
func helloTo(host, set, machine string) (string, error) {
	switch {
	case isFullName(set) || isLiteral(set):
		return set, nil
	case set != "":
		return "", errors.New("SMTP_HELLO must be a full name like notifier.example.com, or an address like [192.0.2.1] or [IPv6:2001:db8::1]")
	case loopback(host):
		return "localhost", nil
	case isFullName(machine):
		return machine, nil
	}
	return "", nil
}

func isFullName(name string) bool { return len(name) <= mostName && fullName.MatchString(name) }

func isLiteral(text string) bool {
	addr, err := netip.ParseAddr(strings.TrimPrefix(strings.Trim(text, "[]"), "IPv6:"))
	return err == nil && text == literal(addr)
}

// literal is an address as SMTP writes it.
func literal(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return "[" + addr.String() + "]"
	}
	return "[IPv6:" + addr.String() + "]"
}

// helloOn is what to call ourselves on a connection.
func (r *Relay) helloOn(conn net.Conn) string {
	if r.hello != "" {
		return r.hello
	}
	return literal(conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr())
}
