package api_test

import (
	"net/netip"
	"testing"

	"countersign/api"
)

func TestClient_IsTheNearestThatNoTrustedProxyHas(t *testing.T) {
	s := newHandler(t, func(c *api.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	})
	const proxy, client = "10.0.0.1:999", "192.0.2.7"
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                      {"192.0.2.7:1", nil, client},
		"no proxy, spoofed":             {"192.0.2.7:1", []string{"198.51.100.1"}, client},
		"no proxy, spoofed as a proxy":  {"192.0.2.7:1", []string{"198.51.100.1, 10.0.0.2"}, client},
		"one proxy":                     {proxy, []string{client}, client},
		"one proxy, spoofed":            {proxy, []string{"198.51.100.1, 192.0.2.7"}, client},
		"spoofed as a proxy of ours":    {proxy, []string{"10.9.9.9, 192.0.2.7"}, client},
		"two proxies":                   {proxy, []string{"198.51.100.1, 192.0.2.7, 10.0.0.2"}, client},
		"two proxies, a line each":      {proxy, []string{"198.51.100.1, 192.0.2.7", "10.0.0.2"}, client},
		"several lines, spoofed":        {proxy, []string{"198.51.100.1", "192.0.2.7"}, client},
		"nothing said":                  {proxy, nil, "10.0.0.1"},
		"empty entries":                 {proxy, []string{"192.0.2.7, ,", ""}, client},
		"only proxies":                  {proxy, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"a port":                        {proxy, []string{"192.0.2.7:4711"}, client},
		"IPv6":                          {proxy, []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 in brackets":              {proxy, []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":              {proxy, []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"IPv6 with a zone":              {proxy, []string{"fe80::1%eth0"}, "fe80::1"},
		"IPv4 as IPv6":                  {proxy, []string{"::ffff:192.0.2.7"}, client},
		"a proxy as IPv6":               {"[::ffff:10.0.0.1]:999", []string{client}, client},
		"an IPv6 proxy":                 {"[2001:db8:ffff::1]:999", []string{client}, client},
		"an IPv6 proxy with a zone":     {"[2001:db8:ffff::1%eth0]:999", []string{client}, client},
		"garbage":                       {proxy, []string{"192.0.2.7, unknown"}, "10.0.0.1"},
		"garbage behind a proxy":        {proxy, []string{"192.0.2.7, <script>, 10.0.0.2"}, "10.0.0.2"},
		"garbage left of what is known": {proxy, []string{"_hidden, 192.0.2.7"}, client},
		"a network":                     {proxy, []string{"192.0.2.0/24"}, "10.0.0.1"},
		"leading zeros":                 {proxy, []string{"192.000.002.007"}, "10.0.0.1"},
		"a number":                      {proxy, []string{"3221225991"}, "10.0.0.1"},
	} {
		header := []string{"Forwarded", "for=198.51.100.9", "X-Real-IP", "198.51.100.9"} // never read
		for _, line := range c.forwarded {
			header = append(header, "X-Forwarded-For", line)
		}
		s.ask("POST", "/api/register", c.peer, registration, header...)
		sent := s.sent()
		if got := sent[len(sent)-1].Client; got != s.secrets.First().Client(netip.MustParseAddr(c.want)) {
			t.Errorf("%s: not %s", name, c.want)
		}
	}
}

func TestClient_WithoutTrustedProxies_IsThePeer(t *testing.T) {
	s := newHandler(t)
	s.ask("POST", "/api/register", "192.0.2.7:1", registration, "X-Forwarded-For", "198.51.100.1")
	s.ask("POST", "/api/register", "@", registration) // no address at all
	if sent := s.sent(); sent[0].Client != s.secrets.First().Client(netip.MustParseAddr("192.0.2.7")) || sent[1].Client != "" {
		t.Errorf("clients %q, %q", sent[0].Client, sent[1].Client)
	}
}

// What a client says of itself is left of what the trusted proxy saw: whatever it is, the client stays the same.
func FuzzClient_Spoofed(f *testing.F) {
	for _, said := range []string{"", "198.51.100.1", "10.0.0.2", ", ,", "unknown", "[2001:db8::1]:4711", "fe80::1%eth0", "192.0.2.7\x00"} {
		f.Add(said)
	}
	s := newHandler(f, func(c *api.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	f.Fuzz(func(t *testing.T, said string) {
		s.t = t
		s.set(func(f *fold) { f.commands = nil })
		s.ask("POST", "/api/register", "10.0.0.1:999", registration, "X-Forwarded-For", said+",192.0.2.7")
		s.ask("POST", "/api/register", "10.0.0.1:999", registration, "X-Forwarded-For", said, "X-Forwarded-For", "192.0.2.7")
		s.ask("POST", "/api/register", "192.0.2.7:1", registration, "X-Forwarded-For", said)
		want := s.secrets.First().Client(netip.MustParseAddr("192.0.2.7"))
		for i, c := range s.sent() {
			if c.Client != want {
				t.Fatalf("%q, way %d: another client", said, i)
			}
		}
	})
}
