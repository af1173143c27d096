package api

import (
	"context"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
)

// Rules:
//   - a team's own backend asks for its visitors on the internal listener: register, verify and resend are the same calls by
//     the same functions, and each body names the visitor's address besides, as client_ip;
//   - the limits are the visitor's, the same as if they had asked themselves: the backend has none.

// onBehalf is ctx with the client that a body names as the one who asks, within that client's limits.
func (p *public) onBehalf(ctx context.Context, clientIP string) (context.Context, *Problem) {
	addr, err := netip.ParseAddr(clientIP)
	if err != nil || addr.Zone() != "" {
		return ctx, badFields(wrongField("client_ip", clientIPInvalid))
	}
	c := clientOf(ctx)
	c.addr = addr.Unmap()
	ctx = context.WithValue(ctx, clientKey{}, c)
	return ctx, p.bound(ctx, p.commands)
}

// describeBehalf adds to a body's schema what names the client.
func describeBehalf(body *huma.Schema) {
	body.Properties["client_ip"] = &huma.Schema{
		Type: huma.TypeString, AnyOf: []*huma.Schema{{Format: "ipv4"}, {Format: "ipv6"}},
		Description: "The address of the visitor for whom this is asked.", Examples: []any{"192.0.2.7"},
	}
	body.Required = append(body.Required, "client_ip")
}
