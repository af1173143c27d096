package user

import "crypto/sha256"

// Rules:
//   - page and mail show the same three characters, so that whoever has two mails knows which one the page waits for;
//   - they look alike to nobody: no 0 and O, no 1, I and L, and no vowel, so that they are no word. They prove nothing.

const referenceCharacters = "23456789BCDFGHJKMNPQRSTVWXZ"

// Reference returns the three characters of a verification.
func Reference(verificationID string) string {
	sum := sha256.Sum256([]byte("reference " + verificationID))
	var r [3]byte
	for i := range r {
		r[i] = referenceCharacters[int(sum[i])%len(referenceCharacters)]
	}
	return string(r[:])
}
