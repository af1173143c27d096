package user

import (
	"encoding/base64"
	"net/netip"
)

// Rules:
//   - who asks is known to the rules as a keyed hash of an address, which tells two clients apart and names none;
//   - an IPv6 client is its /64: whoever has one address there has them all (RFC 6177 §2).

const (
	clientBits  = 64
	clientSize  = 12 // bytes
	logNameSize = 6  // bytes
)

// LogName makes what logs call an e-mail address: it tells two apart and names none. It changes with the secret.
func (s Secret) LogName(email string) string {
	return base64.RawURLEncoding.EncodeToString(s.mac("log", []byte(email))[:logNameSize])
}

// Client makes what commands hold of a client's address; empty for no address. It changes with the secret.
func (s Secret) Client(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, clientBits).Masked().Addr()
	}
	return base64.RawURLEncoding.EncodeToString(s.mac("client", addr.AsSlice())[:clientSize])
}
