package api

import "net/netip"

// Rules:
//   - logs name a person's address, and a client's, by a short keyed hash: whoever reads them can follow one without
//     learning whose it is;
//   - as they are only where LOG_ADDRESSES asks for it.

const clientInLog = 8 // characters

// emailInLog returns what logs call a normalised address.
func (p *public) emailInLog(email string) string {
	if p.LogAddresses {
		return email
	}
	return p.Secrets.First().LogName(email)
}

// clientInLog returns what logs call a client; empty for no address.
func (p *public) clientInLog(addr netip.Addr) string {
	if p.LogAddresses && addr.IsValid() {
		return addr.String()
	}
	name := p.Secrets.First().Client(addr)
	return name[:min(clientInLog, len(name))]
}
