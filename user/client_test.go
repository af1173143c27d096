package user_test

import (
	"net/netip"
	"strings"
	"testing"
)

func TestLogName_TellsAddressesApartAndNamesNone(t *testing.T) {
	s := secret("s1")
	name := s.LogName(ada)
	if len(name) != 8 || strings.Contains(name, "ada") || s.LogName(ada) != name {
		t.Errorf("logs call it %q", name)
	}
	if s.LogName("bob@example.com") == name || secret("s2").LogName(ada) == name {
		t.Error("another has the same name")
	}
}

func TestClient_TellsAddressesApartAndAnIPv6NetworkNot(t *testing.T) {
	s := secret("s1")
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		a, b := s.Client(netip.MustParseAddr(c.a)), s.Client(netip.MustParseAddr(c.b))
		if (a == b) != c.same || len(a) != 16 || strings.Contains(a, c.a) {
			t.Errorf("%s is %q, %s is %q", c.a, a, c.b, b)
		}
	}
	if s.Client(netip.Addr{}) != "" {
		t.Error("no address has a client")
	}
	addr := netip.MustParseAddr("192.0.2.1")
	if s.Client(addr) == secret("s2").Client(addr) {
		t.Error("two secrets make the same")
	}
}
