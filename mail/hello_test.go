package mail

import (
	"net/netip"
	"strings"
	"testing"
)

func TestHello_IsWhatIsSet_ElseWhatRelaysTake(t *testing.T) {
	for _, c := range []struct{ host, set, machine, want string }{
		{"127.0.0.1", "", "web7.example.com", "localhost"},
		{"::1", "", "web7", "localhost"},
		{"127.0.0.1", "mx.example.com", "web7", "mx.example.com"},
		{"relay.example.net", "", "web7.example.com", "web7.example.com"},
		{"relay.example.net", "", "web7", ""},
		{"relay.example.net", "", "10.0.0.7", ""},
		{"relay.example.net", "", "", ""},
		{"relay.example.net", "mx.example.com", "web7.example.com", "mx.example.com"},
		{"relay.example.net", "[192.0.2.1]", "", "[192.0.2.1]"},
		{"relay.example.net", "[IPv6:2001:db8::1]", "", "[IPv6:2001:db8::1]"},
	} {
		if got, err := helloTo(c.host, c.set, c.machine); got != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	for _, set := range []string{
		"localhost", "web7", "web7.example.com.", "-web.example.com", "web_7.example.com", "192.0.2.1", "[192.0.2.1", "[[192.0.2.1]]",
		"[2001:db8::1]", "[IPv6:192.0.2.1]", "[IPv6:fe80::1%eth0]", "a.example.com\r\nRSET", "mx.example.com x", strings.Repeat("a.", 130) + "com",
	} {
		if got, err := helloTo("relay.example.net", set, ""); err == nil || !strings.HasPrefix(err.Error(), "SMTP_HELLO must be") {
			t.Errorf("%q is taken as %q, %v", set, got, err)
		}
	}
}

func TestHello_WithoutAName_IsTheAddressAsALiteral(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.7": "[10.0.0.7]", "::ffff:10.0.0.7": "[10.0.0.7]", "2001:db8::1": "[IPv6:2001:db8::1]", "fe80::1%eth0": "[IPv6:fe80::1]",
	} {
		if got := literal(netip.MustParseAddr(addr)); got != want || !isLiteral(got) {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
}
