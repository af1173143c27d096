package user_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"countersign/user"
)

// The key of these vectors has the bytes 0 to 31, the nonce 0 to 15. They were
// made by another program: a change of derivation would void every code that is on its way.
const (
	vectorKey          = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	vectorVerification = "0b8e8f6e-0000-8000-8000-000000000001"
	vectorCode         = "568221"
	vectorToken        = "hlWU7ReGy2RSZbBB5Q2S7Q"
)

func vectorSecret(t testing.TB) user.Secret {
	all, err := user.ParseSecrets("k1:" + vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	return all.First()
}

func vectorNonce() []byte {
	return []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")
}

func TestSecret_DerivesWhatItAlwaysDid(t *testing.T) {
	s := vectorSecret(t)
	for _, c := range []struct{ name, got, want string }{
		{"code", s.Code(ada, vectorVerification, vectorNonce()), vectorCode},
		{"code with a zero in front", s.Code(ada, vectorVerification, append(make([]byte, 15), 8)), "035717"},
		{"link token", s.LinkToken(ada, vectorVerification, vectorNonce()), vectorToken},
		{"token digest", hex.EncodeToString(user.TokenDigest(vectorToken)), "6cef98c36cb54c12eb658913a2951867e53e10c0e1afcbf8b8c3612c37acb3e7"},
		{"answer", hex.EncodeToString(s.Answer(ada, vectorVerification, "123456")), "1fb981f22cce7b2f2f28a5704282cd14c1536475482aec02a9bb21b61d1b13ff"},
		{"command id", s.CommandID("register", []byte("{}"), "key"), "3baebedd-0841-8b55-aff7-53ef54c27685"},
		{"verification id", s.NewVerificationID([]byte("{}"), "key"), "b2b2d105-533a-8387-ba4c-909d97dfe4b6"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestSecret_DerivesAnotherFromWhateverDiffers(t *testing.T) {
	s, n := secret("s1"), vectorNonce()
	seen := map[string]string{}
	for name, made := range map[string]string{
		"token":                       s.LinkToken("ab", "c", n),
		"token, fields moved":         s.LinkToken("a", "bc", n),
		"token, fields swapped":       s.LinkToken("c", "ab", n),
		"token, other nonce":          s.LinkToken("ab", "c", n[1:]),
		"token, other secret":         secret("s2").LinkToken("ab", "c", n),
		"answer":                      string(s.Answer("ab", "c", "123456")),
		"answer, fields moved":        string(s.Answer("a", "bc", "123456")),
		"answer, other guess":         string(s.Answer("ab", "c", "123457")),
		"answer, other secret":        string(secret("s2").Answer("ab", "c", "123456")),
		"command":                     s.CommandID("verify", []byte("{}"), "key"),
		"command, other call":         s.CommandID("resend", []byte("{}"), "key"),
		"command, other body":         s.CommandID("verify", []byte("{ }"), "key"),
		"command, other key":          s.CommandID("verify", []byte("{}"), "yek"),
		"command, fields moved":       s.CommandID("verify", []byte("{}k"), "ey"),
		"verification":                s.NewVerificationID([]byte("{}"), "key"),
		"verification, other key":     s.NewVerificationID([]byte("{}"), "yek"),
		"verification, other body":    s.NewVerificationID([]byte("{ }"), "key"),
		"verification, fields moved":  s.NewVerificationID([]byte("{}k"), "ey"),
		"verification, other secret":  secret("s2").NewVerificationID([]byte("{}"), "key"),
		"command of another's secret": secret("s2").CommandID("verify", []byte("{}"), "key"),
	} {
		if other, ok := seen[made]; ok {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[made] = name
	}
}

func TestCode_HasSixDigitsOfEvenChance(t *testing.T) {
	s := secret("s1")
	const codes = 20000
	var counts [user.CodeDigits][10]int
	for i := range codes {
		code := s.Code(ada, fmt.Sprint(i), vectorNonce())
		if !user.IsCode(code) {
			t.Fatalf("%q is no code", code)
		}
		for at, digit := range code {
			counts[at][digit-'0']++
		}
	}
	for at, digits := range counts {
		for digit, n := range digits {
			if n < codes/10*9/10 || n > codes/10*11/10 {
				t.Errorf("digit %d stands %d times at %d", digit, n, at)
			}
		}
	}
}

func TestSetCode_PutsDigestsInstead(t *testing.T) {
	s := vectorSecret(t)
	c := user.Command{ID: "c1", Type: user.Resend, Email: ada, VerificationID: vectorVerification}
	c.SetCode(s, vectorNonce())
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.SecretID != "k1" || !bytes.Equal(c.Nonce, vectorNonce()) {
		t.Errorf("command %+v", c)
	}
	text := asJSON(c) + fmt.Sprintf("%+v", c)
	for _, hidden := range [][]byte{[]byte(vectorCode), []byte(vectorToken), s.Answer(ada, vectorVerification, vectorCode), user.TokenDigest(vectorToken)} {
		for _, form := range []string{string(hidden), base64.StdEncoding.EncodeToString(hidden), fmt.Sprint(hidden)} {
			if strings.Contains(text, form) {
				t.Errorf("the command shows %q", form)
			}
		}
	}
}

func TestSecret_IsNeverShown(t *testing.T) {
	all, err := user.ParseSecrets("k1:" + vectorKey + ",k2:" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xfe}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	type config struct {
		Public  user.Secret
		private user.Secrets // fmt calls no method of what it may not reach
	}
	one := all.First()
	text := []string{one.String(), one.GoString(), asJSON(one), asJSON(all), asJSON(&one), asJSON(config{Public: one})}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%T"} {
		for _, v := range []any{one, &one, all, &all, config{one, all}, &config{one, all}, map[string]user.Secret{"k": one}} {
			text = append(text, fmt.Sprintf(verb, v))
		}
	}
	for _, hidden := range []string{
		vectorKey, "AAECAwQF", "0 1 2 3 4 5", "0x0, 0x1, 0x2", "000102030405", "0 1 10 11 100", "\x00\x01\x02",
		"254 254", "0xfe, 0xfe", "fefe", "FEFE", "376 376", "_v7-_v7-",
	} {
		for _, shown := range text {
			if strings.Contains(shown, hidden) {
				t.Errorf("%q shows the key", shown)
			}
		}
	}
	if one.String() != "secret k1" || one.GoString() != one.String() || asJSON(all) != `["k1","k2"]` {
		t.Errorf("%s, %s", one, asJSON(all))
	}
}

func TestParseSecrets_TakesPairsInOrder(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(make([]byte, 64))
	all, err := user.ParseSecrets(" new-1:" + long + ", Old_2:" + vectorKey + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if asJSON(all) != `["new-1","Old_2"]` || all.First().ID() != "new-1" {
		t.Errorf("secrets %s", asJSON(all))
	}
	old, err := all.Find("Old_2")
	if err != nil || old.Code(ada, vectorVerification, vectorNonce()) != vectorCode {
		t.Errorf("found %v, %v", old, err)
	}
	if _, err := all.Find("old_2"); !errors.Is(err, user.ErrUnknownSecret) {
		t.Errorf("error %v", err)
	}
}

func TestParseSecrets_TakesBothAlphabetsOfBase64(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xff, 0xbf}, 11)
	want := ""
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		all, err := user.ParseSecrets("k1:" + e.EncodeToString(key))
		if err != nil {
			t.Fatal(err)
		}
		got := all.First().LinkToken(ada, "v1", vectorNonce())
		if want != "" && got != want {
			t.Error("the same key in two alphabets makes two tokens")
		}
		want = got
	}
}

func TestParseSecrets_SaysWhatIsWrongButNoKey(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	for _, text := range []string{
		"", ",", "k1", vectorKey, ":" + vectorKey, "k1:", "k1:" + short, "k1:%" + vectorKey, "k 1:" + vectorKey, "k~1:" + vectorKey, "é:" + vectorKey,
		"k1234567890123456:" + vectorKey, "k1:" + vectorKey + ",", "k1:" + vectorKey + ",k1:" + vectorKey,
		"k1:" + vectorKey + ",k2:" + short, "k1:" + vectorKey[:40] + vectorKey + "!",
	} {
		all, err := user.ParseSecrets(text)
		if !errors.Is(err, user.ErrSecrets) || all != nil {
			t.Errorf("%q: secrets %v, error %v", text, all, err)
			continue
		}
		for _, key := range []string{vectorKey, short} {
			if strings.Contains(err.Error(), key) {
				t.Errorf("the error shows a key: %v", err)
			}
		}
	}
	if _, err := user.ParseSecrets("k1:" + vectorKey + ",bad"); err == nil || !strings.Contains(err.Error(), "pair 2 ") {
		t.Errorf("the second pair is bad: %v", err)
	}
	for _, id := range []string{"k", "k123456789012345"} {
		if _, err := user.ParseSecrets(id + ":" + vectorKey); err != nil {
			t.Errorf("an id of %d characters: %v", len(id), err)
		}
	}
}

func TestIsCode_TakesSixDigitsOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"123456": true, "000000": true, "": false, "12345": false, "1234567": false, "12345a": false, " 12345": false, "12 456": false,
		"-12345": false, "١٢٣": false,
	} {
		if user.IsCode(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func TestIsToken_TakesOneSpellingOf128Bits(t *testing.T) {
	for text, want := range map[string]bool{
		vectorToken: true, "AAAAAAAAAAAAAAAAAAAAAA": true, "": false, "AAAAAAAAAAAAAAAAAAAAAB": false, vectorToken + "==": false,
		vectorToken[1:]: false, vectorToken + "AA": false, "+lWU7ReGy2RSZbBB5Q2S7Q": false, vectorToken + "\n": false, "\n" + vectorToken: false, vectorToken[:4] + "\r" + vectorToken[4:]: false,
	} {
		if user.IsToken(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

var (
	hasSixDigits = regexp.MustCompile(`\A[0-9]{6}\z`).MatchString
	has128Bits   = regexp.MustCompile(`\A[A-Za-z0-9_-]{21}[AQgw]\z`).MatchString
)

func FuzzIsCodeAndIsToken(f *testing.F) {
	for _, text := range []string{"123456", "12345６", "+12345", "123456\n", vectorToken, vectorToken + "=", strings.Repeat("A", 21) + "B", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if user.IsCode(text) != hasSixDigits(text) || user.IsToken(text) != has128Bits(text) {
			t.Fatalf("%q: code %t, token %t", text, user.IsCode(text), user.IsToken(text))
		}
	})
}

func FuzzParseSecrets(f *testing.F) {
	f.Add("k1:" + vectorKey)
	f.Add("new:" + vectorKey + ",old:" + vectorKey)
	f.Add("k1:\r\n" + vectorKey)
	f.Add(",:~")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := user.ParseSecrets(text)
		if err != nil {
			if !errors.Is(err, user.ErrSecrets) || all != nil {
				t.Fatalf("secrets %v, error %v", all, err)
			}
			return
		}
		for _, s := range all {
			if found, err := all.Find(s.ID()); err != nil || found.ID() != s.ID() {
				t.Fatalf("%s is not found: %v", s, err)
			}
			if code := s.Code(ada, "v1", vectorNonce()); !user.IsCode(code) {
				t.Fatalf("%q is no code", code)
			}
			if token := s.LinkToken(ada, "v1", vectorNonce()); !user.IsToken(token) {
				t.Fatalf("%q is no token", token)
			}
			if strings.Contains(s.ID(), "~") {
				t.Fatalf("the id %q would end a handle's prefix", s.ID())
			}
		}
	})
}
