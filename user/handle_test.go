package user_test

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/user"
)

func handleNonce(b byte) []byte { return bytes.Repeat([]byte{b}, user.HandleNonceSize) }

var sealed = user.Handle{VerificationID: vectorVerification, Email: ada, OpenedAt: start}

func TestHandle_OpensToWhatWasSealed(t *testing.T) {
	old, signing := secret("old"), secret("new")
	all := user.Secrets{signing, old}
	for _, s := range all {
		h := sealed
		h.OpenedAt = start.Add(999 * time.Millisecond).In(time.FixedZone("", 3600))
		h.SecretID = "made up"
		room := append(handleNonce(7), make([]byte, 1000)...)
		nonce := room[:user.HandleNonceSize]
		text := s.Seal(h, nonce)
		got, err := all.Open(text, start)
		if err != nil {
			t.Fatal(err)
		}
		want := sealed
		want.SecretID = s.ID()
		if got != want {
			t.Errorf("opened %+v, want %+v", got, want)
		}
		if !bytes.Equal(room, append(handleNonce(7), make([]byte, 1000)...)) {
			t.Error("sealing wrote into the nonce, or behind it")
		}
	}
}

// Made by another program: a change of derivation would void every link that is on its way.
func TestHandle_IsSealedAsItAlwaysWas(t *testing.T) {
	const want = "1~k1~AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBkwFtgceBhhbpB8362UfG3kX_dsWv97QLBtfhkO4eZzB2WIHzlvtomV3SFYBQM_an5pvRYdBTr" +
		"glgqKqD_KW8UfjBSiDMWCH_GZLjFTRQP86lIR7z_kHj8xxSKuN0luWbj3SVp6ZWdW3YBcntcA"
	if got := vectorSecret(t).Seal(sealed, handleNonce(1)); got != want {
		t.Errorf("sealed %s, want %s", got, want)
	}
}

func TestHandle_OfAnotherNonce_LooksDifferentAndOpensToTheSame(t *testing.T) {
	s := secret("s1")
	one, two := s.Seal(sealed, handleNonce(1)), s.Seal(sealed, handleNonce(2))
	if one == two {
		t.Error("both look the same")
	}
	a, errA := user.Secrets{s}.Open(one, start)
	b, errB := user.Secrets{s}.Open(two, start)
	if a != b || errA != nil || errB != nil {
		t.Errorf("%+v, %v; %+v, %v", a, errA, b, errB)
	}
}

func TestHandle_ShowsNothingAndNeedsNoEscaping(t *testing.T) {
	text := secret("s1").Seal(sealed, handleNonce(1))
	if url.PathEscape(text) != text || url.QueryEscape(text) != text {
		t.Errorf("%s needs escaping", text)
	}
	if strings.Contains(text, "ada") || strings.Contains(text, vectorVerification) {
		t.Errorf("%s shows what it holds", text)
	}
}

func TestHandle_OfTheLongestAddress_IsTaken(t *testing.T) {
	h := sealed
	h.Email = strings.Repeat("&", 64) + "@" + strings.Repeat(strings.Repeat("d", 61)+".", 3) + "com"
	if email, err := user.NormalizeAddress(h.Email, true); err != nil || email != h.Email || len(email) != 254 {
		t.Fatalf("%d characters, %v", len(email), err)
	}
	s := secret("a234567890123456")
	got, err := user.Secrets{s}.Open(s.Seal(h, handleNonce(1)), start)
	if err != nil || got.Email != h.Email {
		t.Errorf("opened %+v, %v", got, err)
	}
}

func TestHandle_LongerThan1024Characters_IsRefused(t *testing.T) {
	s := secret("s1")
	lengths := map[int]bool{}
	for n := range 900 {
		text := s.Seal(user.Handle{VerificationID: strings.Repeat("v", n), Email: ada, OpenedAt: start}, handleNonce(1))
		lengths[len(text)] = true
		if _, err := (user.Secrets{s}).Open(text, start); (err == nil) != (len(text) <= 1024) {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
	if !lengths[1024] || !lengths[1025] {
		t.Error("the bound itself was not tried")
	}
}

func TestHandle_IsRefusedAnHourAfterTheVerificationIsGone(t *testing.T) {
	s := secret("s1")
	text := s.Seal(sealed, handleNonce(1))
	for _, c := range []struct {
		after time.Duration
		ok    bool
	}{{-time.Hour, true}, {0, true}, {25 * time.Hour, true}, {25*time.Hour + 1, false}, {1000 * time.Hour, false}} {
		_, err := user.Secrets{s}.Open(text, start.Add(c.after))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, user.ErrHandle) {
			t.Errorf("after %v: %v", c.after, err)
		}
	}
}

func TestHandle_ThatIsMadeUpOrDamaged_IsRefused(t *testing.T) {
	s, twin := secret("s1"), secret("s2")
	text := s.Seal(sealed, handleNonce(1))
	body := text[len("1~s1~"):]
	for name, bad := range map[string]string{
		"empty": "", "no parts": body, "no version": "s1~" + body, "another version": "2~s1~" + body, "no body": "1~s1~",
		"another known secret": "1~s2~" + body, "an unknown secret": "1~s3~" + body, "no secret": "1~~" + body,
		"a part more": text + "~", "a space": " " + text, "padding": text + "=", "a newline": text + "\n",
		"too short for a nonce": text[:20], "a nonce alone": text[:len("1~s1~")+32], "cut": text[:len(text)-1],
		"too long": text + strings.Repeat("A", 1024), "sealed by another": twin.Seal(sealed, handleNonce(1)),
	} {
		if got, err := (user.Secrets{s}).Open(bad, start); err != user.ErrHandle || got != (user.Handle{}) {
			t.Errorf("%s: opened %+v, %v", name, got, err)
		}
	}
	if _, err := (user.Secrets{s, twin}).Open("1~s2~"+body, start); err != user.ErrHandle {
		t.Errorf("opened with another secret: %v", err)
	}
	for i := range text {
		bad := []byte(text)
		bad[i] ^= 1
		if _, err := (user.Secrets{s}).Open(string(bad), start); err != user.ErrHandle {
			t.Errorf("opened with character %d changed: %v", i, err)
		}
	}
	if _, err := (user.Secrets{}).Open(text, start); err != user.ErrHandle {
		t.Errorf("opened without secrets: %v", err)
	}
}

func FuzzSecretsOpen(f *testing.F) {
	s := secret("s1")
	good := s.Seal(sealed, handleNonce(1))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("1~s1~")
	f.Add("~~~~")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := user.Secrets{s}.Open(text, start)
		if (err == nil) != (text == good) {
			t.Fatalf("%q opened to %+v, %v", text, h, err)
		}
		if err != nil && (err != user.ErrHandle || h != (user.Handle{})) {
			t.Fatalf("error %v with %+v", err, h)
		}
	})
}

// Whatever is sealed opens to the same, and no other text does.
func FuzzSecret_Seal(f *testing.F) {
	f.Add(sealed.VerificationID, sealed.Email, int64(0), handleNonce(1), 9, byte(1))
	f.Add("", "\xff\u2028<&>", int64(-1e9), handleNonce(0), 0, byte(0))
	f.Add("v\"\\~", "a@b.c", int64(25*3600), handleNonce(255), 1000, byte(128))
	f.Fuzz(func(t *testing.T, id, email string, seconds int64, nonce []byte, at int, change byte) {
		s := secret("s1")
		if len(nonce) != user.HandleNonceSize || len(id)+len(email) > 100 {
			t.Skip("made by nobody")
		}
		h := user.Handle{VerificationID: strings.ToValidUTF8(id, "?"), Email: strings.ToValidUTF8(email, "?"), SecretID: "s1"}
		h.OpenedAt = start.Add(time.Duration(seconds%1e6) * time.Second)
		text := s.Seal(h, nonce)
		if got, err := (user.Secrets{s}).Open(text, h.OpenedAt); err != nil || got != h {
			t.Fatalf("%+v opens to %+v, %v", h, got, err)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~") != "" {
			t.Fatalf("%q must be escaped in a URL", text)
		}
		forged := []byte(text)
		forged[uint(at)%uint(len(forged))] ^= change
		if _, err := (user.Secrets{s}).Open(string(forged), h.OpenedAt); (err == nil) != (change == 0) {
			t.Fatalf("with character %d changed by %d: %v", at, change, err)
		}
	})
}
