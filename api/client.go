package api

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Rules:
//   - the client is the peer; where that is a trusted proxy, it is the rightmost address of X-Forwarded-For that no
//     trusted proxy has, all lines of the header read as one list (RFC 9110 §5.3);
//   - what anybody else says of whom they speak for is not read, nor is any other header;
//   - an entry that is no address ends the walk: nothing left of it is certain, so the client is the proxy that wrote it;
//   - a port and a zone are no part of an address, and IPv4 mapped into IPv6 is IPv4.

// client is who asks.
type client struct {
	addr   netip.Addr  // not valid: unknown
	inLog  string      // what logs call it
	header http.Header // of the answer, for what the limits say to this client alone
}

type clientKey struct{}

// clientOf returns who asks, as far as it is known.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

// seen finds out who asks.
func seen(trusted []netip.Prefix, inLog func(netip.Addr) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addr := clientAddr(r, trusted)
			ctx := context.WithValue(r.Context(), clientKey{}, client{addr, inLog(addr), w.Header()})
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// clientAddr returns the address of who sent a request; not valid where the peer has none.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr, ok := parseAddr(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !ok || !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			break
		}
		if strings.TrimSpace(hop) == "" {
			continue // RFC 9110 §5.6.1.2
		}
		var next netip.Addr
		if next, ok = parseAddr(hop); ok {
			addr = next
		}
	}
	return addr
}

// parseAddr reads an address with or without a port.
func parseAddr(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}
