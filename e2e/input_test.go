package e2e

// What clients send that is not what they should:
//   - it is refused with a status, a code and the name of the field at fault;
//   - nothing of it reaches Kafka;
//   - no answer of the API and no log line repeats any of it.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"countersign/topics"
	"countersign/user"
)

// marker stands in what is sent wherever there is room for it.
const marker = "zq7x"

// request is one that a client sends, to the internal listener where its path begins so.
type request struct {
	method, path string
	header       http.Header
	body         string
}

const inside = "internal:"

func (r request) with(header, value string) request {
	r.header = r.header.Clone()
	r.header[header] = []string{value}
	return r
}

// object is a JSON object of texts.
func object(pairs ...string) string {
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(b)
}

func call(path, body string) request {
	return request{http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, body}
}

func form(path string, pairs ...string) request {
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return request{http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, fields.Encode()}
}

func read(path string) request {
	return request{method: http.MethodGet, path: path, header: http.Header{}}
}

func raw(body string) request { return call("/api/register", body) }

func address(email string) request { return raw(object("email", email, "first_name", "Ada")) }

func firstName(name string) request {
	return raw(object("email", marker+"@example.com", "first_name", name))
}

func lastName(name string) request {
	return raw(object("email", marker+"@example.com", "first_name", "Ada", "last_name", name))
}

func inLocale(tag string) request {
	return raw(object("email", marker+"@example.com", "first_name", "Ada", "locale", tag))
}

// visitor is what a team's backend asks for somebody.
func visitor(clientIP string) request {
	return call(inside+"/api/register", object("email", marker+"@example.com", "first_name", "Ada", "client_ip", clientIP))
}

func keyed(key string) request { return address(marker+"@example.com").with("Idempotency-Key", key) }

func typed(contentType string) request {
	return address(marker+"@example.com").with("Content-Type", contentType)
}

func guess(id, code string) request {
	return call("/api/verify", object("verification_id", id, "code", code))
}

func proof(id, token string) request {
	return call("/api/verify", object("verification_id", id, "token", token))
}

// refusals are those of one code for one field.
type refusals struct {
	status      int
	code, field string
	requests    map[string]request
}

// guessed is a code that nobody was mailed.
const guessed = "654321"

// unusable lists what cannot be used, given the handle of a verification that is alive.
func unusable(t *testing.T, id string) []refusals {
	secret, handle := opened(t, id)
	handle.OpenedAt = time.Now().Add(-26 * time.Hour)
	old := secret.Seal(handle, randomBytes(user.HandleNonceSize))
	others, err := user.ParseSecrets("e2e:" + strings.Repeat("B", 43) + "=")
	check(t, err)
	handle.OpenedAt = time.Now()
	forged := others.First().Seal(handle, randomBytes(user.HandleNonceSize))
	flipped := []byte(id)
	flipped[len(flipped)-5] ^= 1

	return []refusals{
		{400, "json_malformed", "", map[string]request{
			"nothing":              raw(""),
			"only space":           raw(" \n"),
			"half an object":       raw(`{"email":"zq7x@example.com"`),
			"half a string":        raw(`{"email":"zq7x`),
			"two objects":          raw(`{}{}`),
			"trailing words":       call("/api/verify", object("verification_id", id, "code", guessed)+marker),
			"an array":             raw(`["zq7x"]`),
			"null":                 raw(`null`),
			"a string":             raw(`"zq7x"`),
			"a number":             raw(`654321`),
			"a number as key":      raw(`{654321:1}`),
			"a key without quotes": raw(`{email:"zq7x@example.com"}`),
			"single quotes":        raw(`{'email':'zq7x@example.com'}`),
			"a trailing comma":     raw(`{"email":"zq7x@example.com",}`),
			"a comment":            raw(`{/* zq7x */}`),
			"not a number":         raw(`{"email":NaN}`),
			"a raw line break":     raw("{\"email\":\"zq7x\n@example.com\"}"),
			"a bad escape":         raw(`{"email":"\zq7x"}`),
			"not UTF-8":            raw("{\"email\":\"\xffzq7x@example.com\"}"),
			"overlong UTF-8":       raw("{\"email\":\"zq7x\xc0\x80@example.com\"}"),
			"a byte order mark":    raw("\ufeff" + object("email", "zq7x@example.com", "first_name", "Ada")),
			"UTF-16":               raw("{\x00}\x00"),
		}},
		{413, "body_too_large", "", map[string]request{
			"over 16 KiB":          firstName(strings.Repeat(marker, 4<<10)),
			"over 16 KiB of space": raw(strings.Repeat(" ", 17<<10) + `{}`),
		}},
		{415, "content_type_invalid", "", map[string]request{
			"a form":           form("/api/register", "email", marker+"@example.com", "first_name", "Ada"),
			"no type":          typed(""),
			"text":             typed("text/plain"),
			"a type like JSON": typed("application/jsonx"),
			"two types":        typed("application/json, text/plain"),
			"a broken type":    typed("application/json; ="),
			"several parts":    typed("multipart/form-data; boundary=zq7x"),
		}},
		{400, "idempotency_key_invalid", "", map[string]request{
			"no key in it":    keyed(""),
			"short key":       keyed(marker + "56789012345"),
			"long key":        keyed(strings.Repeat(marker, 64)),
			"key with spaces": keyed("0123456789 zq7xef"),
			"key with umlaut": keyed("0123456789äzq7xef"),
			"key with tab":    keyed("0123456789\tzq7xef"),
		}},
		{422, "field_unknown", "admin", map[string]request{
			"unknown field":           call("/api/verify", object("verification_id", id, "code", guessed, "admin", marker)),
			"unknown field in resend": call("/api/resend", object("verification_id", id, "admin", marker)),
		}},
		{422, "field_unknown", "code", map[string]request{
			"a field of another call": call("/api/resend", object("verification_id", id, "code", guessed)),
		}},
		{422, "field_unknown", "Email", map[string]request{
			"other case": raw(`{"Email":"zq7x@example.com","first_name":"Ada"}`),
		}},
		{422, "field_unknown", "__proto__", map[string]request{
			"a prototype": raw(`{"__proto__":{"email":"zq7x@example.com"}}`),
		}},
		{422, "field_unknown", strings.Repeat("x", 64) + "…", map[string]request{
			"a long name of a field": raw(`{"` + strings.Repeat("x", 1000) + `":"zq7x"}`),
		}},
		{422, "field_invalid", "email", map[string]request{
			"twice":      raw(`{"email":"zq7x@example.com","email":"zq7x@example.org","first_name":"Ada"}`),
			"a null":     raw(`{"email":null,"first_name":"zq7x"}`),
			"an object":  raw(`{"email":{"zq7x":"zq7x@example.com"},"first_name":"Ada"}`),
			"a list":     raw(`{"email":["zq7x@example.com"],"first_name":"Ada"}`),
			"a truth":    raw(`{"email":true,"first_name":"zq7x"}`),
			"deep lists": raw(`{"email":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`),
		}},
		{422, "field_invalid", "code", map[string]request{
			"a code as number":      call("/api/verify", `{"verification_id":"`+id+`","code":654321}`),
			"a code as long number": call("/api/verify", `{"verification_id":"`+id+`","code":6.54321e5}`),
		}},
		{422, "field_invalid", "token", map[string]request{
			"code and token": call("/api/verify", object("verification_id", id, "code", guessed, "token", wrongToken)),
		}},

		{422, "email_invalid", "email", map[string]request{
			"no address":                raw(object("first_name", "Ada")),
			"empty address":             address(""),
			"only space for an address": address(" \t "),
			"no @":                      address("zq7x.example.com"),
			"nothing before @":          address("@zq7x.example"),
			"nothing after @":           address("zq7x@"),
			"two @":                     address("zq7x@a@example.com"),
			"no dot":                    address("zq7x@example"),
			"localhost":                 address("zq7x@localhost"),
			"below localhost":           address("zq7x@x.localhost"),
			".local":                    address("zq7x@printer.local"),
			".internal":                 address("zq7x@db.internal"),
			".onion":                    address("zq7x@site.onion"),
			".test":                     address("zq7x@site.test"),
			"a number for a top level":  address("zq7x@example.123"),
			"a bare IP address":         address("zq7x@127.0.0.1"),
			"two dots":                  address("zq7x..b@example.com"),
			"a dot in front":            address(".zq7x@example.com"),
			"a dot before @":            address("zq7x.@example.com"),
			"a dot at the end":          address("zq7x@example.com."),
			"an empty label":            address("zq7x@example..com"),
			"a hyphen in front":         address("zq7x@-example.com"),
			"an underscore":             address("zq7x@exam_ple.com"),
			"a long label":              address("zq7x@" + strings.Repeat("b", 64) + ".com"),
			"65 characters before @":    address(strings.Repeat("zq7xz", 13) + "@example.com"),
			"320 characters":            address("zq7x" + strings.Repeat("a", 60) + "@" + strings.Repeat("b.", 126) + "com"),
			"10,000 characters":         address(strings.Repeat("zq7x.", 2000) + "@example.com"),
			"broken punycode":           address("zq7x@xn--zzzzzzzz99999.com"),
			"a bidi domain":             address("zq7x@אa.com"),
			"right to left":             address("zq7x\u202e@example.com"),
			"a bidi isolate":            address("zq7x\u2066@example.com"),
			"no width":                  address("zq7x\u200b@example.com"),
			"a joiner":                  address("zq7x@exam\u200dple.com"),
			"a soft hyphen":             address("zq7x@exam\u00adple.com"),
			"a variation selector":      address("zq7x\ufe0f@example.com"),
			"a tag":                     address("zq7x\U000e0041@example.com"),
			"a NUL":                     address("zq7x\x00@example.com"),
			"a header":                  address("zq7x@example.com\r\nBcc: b@example.com"),
			"an SMTP command":           address("zq7x@example.com>\nRCPT TO:<b@example.com"),
			"an escaped header":         address("zq7x@example.com%0d%0aBcc:b@example.com"),
			"two addresses":             address("zq7x@example.com,b@example.com"),
			"a display name":            address("Ada <zq7x@example.com>"),
			"a link to mail":            address("mailto:zq7x@example.com"),
			"a note":                    address("zq7x(note)@example.com"),
			"a source route":            address("@a.example,@b.example:zq7x@example.com"),
			"a space inside":            address("zq7x b@example.com"),
			"a lone surrogate":          raw(`{"email":"zq7x\ud800@example.com","first_name":"Ada"}`),
		}},
		{422, "email_unsupported", "email", map[string]request{
			"a quoted name":    address(`"zq7x b"@example.com`),
			"a quoted command": address(`"zq7x> SIZE=1"@example.com`),
			"a backslash":      address(`zq7x\@example.com`),
			"an IP address":    address("zq7x@[127.0.0.1]"),
			"an IPv6 address":  address("zq7x@[IPv6:::1]"),
			"umlauts before @": address("zq7xä@example.com"),
			"Cyrillic а":       address("zq7xа@example.com"),
		}},

		{422, "first_name_invalid", "first_name", map[string]request{
			"no first name":    raw(object("email", "zq7x@example.com")),
			"empty first name": firstName(""),
			"a name of spaces": firstName("   "),
			"a name of marks":  firstName("\u0301\u0301"),
			"65 characters":    firstName(strings.Repeat("A", 65)),
			"a control":        firstName("zqx\x00"),
			"a line break":     firstName("zqx\r\nBcc: b@example.com"),
			"a link":           firstName("https://zq7x.example"),
			"a bare link":      firstName("win at zqx.example"),
			"an address":       firstName("zq7x@example.com"),
			"a phone number":   firstName("+49 555 1234"),
			"digits":           firstName("zq7x"),
			"Arabic digits":    firstName("Ada ٥٥٥"),
			"markup":           firstName("<b>zqx</b>"),
			"a template":       firstName("{{.Secret}}"),
			"SQL":              firstName("zqx'; DROP TABLE users"),
			"an emoji":         firstName("zqx 🎁"),
			"turned around":    firstName("zqx\u202eadA"),
			"invisible":        firstName("A\u200bda"),
		}},
		{422, "last_name_invalid", "last_name", map[string]request{
			"markup as last name":    lastName("<b>zqx</b>"),
			"a link as last name":    lastName("zqx.example/win"),
			"a number as last name":  lastName("zq7x"),
			"a long last name":       lastName(strings.Repeat("zqx ", 17)),
			"a last name of a space": lastName(" "),
		}},
		{422, "locale_invalid", "locale", map[string]request{
			"a language's name": inLocale("english"),
			"a long locale":     inLocale("en-" + strings.Repeat("x", 40)),
			"a path":            inLocale("../../zq7x"),
			"a hidden locale":   inLocale("en\u202e"),
			"a list of locales": inLocale("en,de;q=0.5"),
		}},

		{422, "verification_id_invalid", "verification_id", map[string]request{
			"no id":                    call("/api/verify", object("code", guessed)),
			"empty id":                 guess("", guessed),
			"a made-up id":             guess(marker, guessed),
			"a UUID as id":             guess("0b1b9c1e-8b1a-4b7c-9d0e-1f2a3b4c5d6e", guessed),
			"an inner id":              guess(handle.VerificationID, guessed),
			"a cut id":                 guess(id[:len(id)-3], guessed),
			"an id with more":          guess(id+"AAAA", guessed),
			"an id with padding":       guess(id+"=", guessed),
			"an id over two lines":     guess(id[:20]+"\n"+id[20:], guessed),
			"a changed id":             guess(string(flipped), guessed),
			"another version":          guess("2"+id[1:], guessed),
			"another secret's name":    guess(strings.Replace(id, "~e2e~", "~zq7x~", 1), guessed),
			"another secret":           guess(forged, guessed),
			"nothing sealed":           guess("1~e2e~", guessed),
			"a long id":                guess("1~e2e~"+strings.Repeat("A", 8000), guessed),
			"an old id":                guess(old, guessed),
			"an old id asks again":     call("/api/resend", object("verification_id", old)),
			"a forged id asks again":   call("/api/resend", object("verification_id", forged)),
			"a made-up id disputes":    call("/api/dispute", object("verification_id", marker, "token", wrongToken)),
			"an old id disputes":       call("/api/dispute", object("verification_id", old, "token", wrongToken)),
			"no id asks again":         call("/api/resend", "{}"),
			"a made-up id looks":       read("/api/verifications/" + marker),
			"an old id looks":          read("/api/verifications/" + old),
			"a forged id looks":        read("/api/verifications/" + forged),
			"an escaped id looks":      read("/api/verifications/%00%0azq7x"),
			"an id and a query string": read("/api/verifications/zq7x?verification_id=" + id),
		}},
		{422, "code_malformed", "code", map[string]request{
			"no guess":        call("/api/verify", object("verification_id", id)),
			"five digits":     guess(id, guessed[:5]),
			"seven digits":    guess(id, guessed+"0"),
			"letters":         guess(id, "65432a"),
			"Arabic code":     guess(id, "٦٥٤٣٢١"),
			"a wide code":     guess(id, "６５４３２１"),
			"a space in it":   guess(id, "654 321"),
			"a line below":    guess(id, guessed+"\n"),
			"a sign":          guess(id, "+65432"),
			"an exponent":     guess(id, "6543e1"),
			"a wildcard":      guess(id, "______"),
			"a code with NUL": guess(id, guessed[:5]+"\x00"),
		}},
		{422, "token_malformed", "token", map[string]request{
			"a dispute with nothing":      call("/api/dispute", object("verification_id", id)),
			"a dispute with half a token": call("/api/dispute", object("verification_id", id, "token", wrongToken[:20])),
			"half a token":                proof(id, wrongToken[:20]),
			"a long token":                proof(id, wrongToken+"A"),
			"a padded token":              proof(id, wrongToken+"=="),
			"no base64":                   proof(id, "!!!!!!!!!!!!!!!!!!!!!!"),
			"another base64":              proof(id, "++++++++++++++++++++AA"),
			"a token in two lines":        proof(id, wrongToken[:11]+"\n"+wrongToken[11:]),
			"a whole link":                proof(id, "https://countersign.example/#"+id+"."+wrongToken),
		}},

		{404, "not_found", "", map[string]request{
			"no such call":        call("/api/registers", object("email", marker+"@example.com")),
			"a slash too much":    call("/api/register/", object("email", marker+"@example.com")),
			"inside from outside": read("/users/" + marker + "@example.com"),
			"a file of ours":      read("/public.go"),
			"a way out":           read("/..%2f..%2fetc/passwd"),
		}},
		{405, "method_not_allowed", "", map[string]request{
			"to read a call":      read("/api/register"),
			"to delete":           {http.MethodDelete, "/api/verifications/" + marker, http.Header{}, ""},
			"to put":              {http.MethodPut, "/api/register", http.Header{}, object("email", marker+"@example.com")},
			"a method of its own": {"BREW", "/api/register", http.Header{}, ""},
		}},

		{422, "email_invalid", "email", map[string]request{
			"to look up no address":      read(inside + "/users/" + marker),
			"to look up two dots":        read(inside + "/users/zq7x..b@example.com"),
			"to look up a header":        read(inside + "/users/zq7x@example.com%0d%0aX:%20y"),
			"to tell of no address":      read(inside + "/users/" + marker + "/history"),
			"to erase what is no adress": {http.MethodDelete, inside + "/users/" + marker, http.Header{}, ""},
		}},
		{422, "email_unsupported", "email", map[string]request{
			"to look up a quoted name": read(inside + "/users/%22zq7x%22@example.com"),
		}},
		{404, "user_not_found", "", map[string]request{
			"to look up nobody": read(inside + "/users/zq7x@example.com"),
			"to erase nobody":   {http.MethodDelete, inside + "/users/zq7x@example.com", http.Header{}, ""},
		}},
		{422, "parameter_invalid", "limit", map[string]request{
			"a page of none":     read(inside + "/users?limit=0"),
			"a page of fewer":    read(inside + "/users?limit=-1"),
			"a page of too many": read(inside + "/users?limit=1001"),
			"a page of words":    read(inside + "/users?limit=" + marker),
			"a page of 1e2":      read(inside + "/users?limit=1e2"),
			"a huge page":        read(inside + "/users?limit=99999999999999999999"),
		}},
		{422, "parameter_invalid", "status", map[string]request{
			"a status of its own": read(inside + "/users?status=" + marker),
			"an inner status":     read(inside + "/users?status=deleted"),
		}},
		{422, "parameter_invalid", "since", map[string]request{
			"since whenever":    read(inside + "/users/zq7x@example.com/history?since=" + marker),
			"since no such day": read(inside + "/users/zq7x@example.com/history?since=2026-02-30T00:00:00Z"),
			"since the future":  read(inside + "/users/zq7x@example.com/history?since=-5m"),
		}},
		{422, "client_ip_invalid", "client_ip", map[string]request{
			"for no visitor":             call(inside+"/api/register", object("email", "zq7x@example.com", "first_name", "Ada")),
			"for an empty address":       visitor(""),
			"for a visitor's name":       visitor("zq7x.example"),
			"for half an address":        visitor("192.0.2"),
			"for a port":                 visitor("192.0.2.1:80"),
			"for a network":              visitor("192.0.2.0/24"),
			"for two visitors":           visitor("192.0.2.1, 192.0.2.2"),
			"for a number":               visitor("3221225985"),
			"for a visitor in octal":     visitor("0300.0.2.1"),
			"for an address in brackets": visitor("[2001:db8::1]"),
			"a guess for no visitor":     call(inside+"/api/verify", object("verification_id", id, "code", guessed)),
			"another mail for none":      call(inside+"/api/resend", object("verification_id", id)),
		}},
		{422, "field_unknown", "client_ip", map[string]request{
			"a visitor from outside": raw(object("email", "zq7x@example.com", "first_name", "Ada", "client_ip", "192.0.2.1")),
		}},
		{422, "field_invalid", "client_ip", map[string]request{
			"a visitor as number": call(inside+"/api/register", `{"email":"zq7x@example.com","first_name":"Ada","client_ip":1}`),
		}},
		{404, "dead_letter_not_found", "", map[string]request{
			"no such letter":          read(inside + "/dead-letters/" + marker),
			"to retry no such letter": {http.MethodPost, inside + "/dead-letters/" + marker + "/retry", http.Header{}, ""},
		}},
		{403, "host_forbidden", "", map[string]request{
			"by another name":         read(inside+"/users/zq7x@example.com").with("Host", "zq7x.example"),
			"by a name that looks so": read(inside+"/users").with("Host", "127.0.0.1.zq7x.example"),
			"by a host of garbage":    read(inside+"/users").with("Host", "!$&'()*+,;="),
		}},
		{403, "origin_forbidden", "", map[string]request{
			"erased by another site": request{http.MethodDelete, inside + "/users/zq7x@example.com", http.Header{}, ""}.with("Sec-Fetch-Site", "cross-site"),
			"a form of another site": form("/register", "email", marker+"@example.com", "first_name", "Ada").with("Origin", "https://zq7x.example"),
		}},
	}
}

// opened is what a handle of ours holds.
func opened(t *testing.T, id string) (user.Secret, user.Handle) {
	t.Helper()
	all, err := user.ParseSecrets(secrets)
	check(t, err)
	handle, err := all.Open(id, time.Now())
	check(t, err)
	return all.First(), handle
}

func TestInput_ThatCannotBeUsed(t *testing.T) {
	s := start(t, map[string]string{"LOG_LEVEL": "debug", "RATE_LIMIT": "off"})
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))
	code, err := p.mailedCode(t.Context(), s)
	check(t, err)
	before := s.quiet(t)

	t.Run("IsRefusedByCodeAndField_AndNotRepeated", func(t *testing.T) {
		n := 0
		for _, refused := range unusable(t, p.verificationID) {
			for name, r := range refused.requests {
				n++
				t.Run(name, func(t *testing.T) { isRefused(t, s, r, refused) })
			}
		}
		t.Logf("%d inputs", n)
	})
	t.Run("InAForm_IsShownAsAPage", func(t *testing.T) { formsAreRefused(t, s, p.verificationID) })
	t.Run("AsALanguage_IsReadInEnglish", func(t *testing.T) {
		for _, garbage := range []string{marker, ";;q=zq7x", "*;q=2", "en;q=-1", "\xff\xfe", strings.Repeat("zq-7x,", 1000), "../../zq7x", "und"} {
			response, body := s.send(t, read("/").with("Accept-Language", garbage))
			if response.StatusCode != http.StatusOK || !strings.Contains(body, `<html lang="en"`) || strings.Contains(body, marker) {
				t.Errorf("%.20q: %s", garbage, response.Status)
			}
		}
	})
	t.Run("AsHTTP_IsRefusedBeforeAnythingIsRead", func(t *testing.T) { brokenHTTP(t, s) })

	if after := s.quiet(t); after != before {
		t.Errorf("something reached Kafka:\n%s\nbefore:\n%s", after, before)
	}
	for _, node := range s.all() {
		for _, sent := range []string{marker, guessed, wrongToken, p.verificationID} {
			if strings.Contains(node.log.String(), sent) {
				t.Errorf("%s logged %q", node.name, sent)
			}
		}
	}
	if a := p.verify(t.Context(), s, code); a.status != http.StatusOK {
		t.Errorf("the right code after all that: %d %v", a.status, a.body)
	}
	if s.ends(t) == before {
		t.Error("even what is right does not show in the topics' ends")
	}
}

// send sends a request and returns the answer with its body.
func (s *system) send(t *testing.T, r request) (*http.Response, string) {
	t.Helper()
	at := s.api(0).public
	path, internal := strings.CutPrefix(r.path, inside)
	if internal {
		at = s.api(0).internal
	}
	sent, err := http.NewRequestWithContext(t.Context(), r.method, at(path), strings.NewReader(r.body))
	check(t, err)
	sent.Header, sent.Host = r.header, r.header.Get("Host")
	response, err := client.Do(sent)
	check(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(t, err)
	return response, string(body)
}

func isRefused(t *testing.T, s *system, r request, want refusals) {
	response, body := s.send(t, r)
	var problem struct {
		Code   string
		Errors []struct{ Field string }
	}
	if err := json.Unmarshal([]byte(body), &problem); err != nil || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s %s is no problem: %s", response.Status, response.Header.Get("Content-Type"), body)
	}
	field := ""
	if len(problem.Errors) > 0 {
		field = problem.Errors[0].Field
	}
	if response.StatusCode != want.status || problem.Code != want.code || field != want.field {
		t.Errorf("%s %s, field %q; want %d %s, field %q", response.Status, problem.Code, field, want.status, want.code, want.field)
	}
	for _, sent := range []string{marker, "zqx", guessed, guessed[:5], wrongToken, "1~e2e~"} {
		if strings.Contains(body, sent) {
			t.Errorf("repeats %q: %s", sent, body)
		}
	}
}

func formsAreRefused(t *testing.T, s *system, id string) {
	const script = `"><script>zq7x</script>`
	for name, c := range map[string]struct {
		request

		status int
	}{
		"no address":     {form("/register", "first_name", marker), 422},
		"a bad address":  {form("/register", "email", "zq7x..b@example.com", "first_name", "Ada"), 422},
		"markup":         {form("/register", "email", script, "first_name", script, "last_name", script, "locale", script), 422},
		"a bad key":      {form("/register", "email", "zq7x@example.com", "first_name", "Ada", "idempotency_key", marker), 400},
		"no form":        {request{http.MethodPost, "/register", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "email=%zq7x"}, 400},
		"a large form":   {form("/register", "email", strings.Repeat(marker, 8<<10)), 413},
		"a made-up id":   {form("/verify", "verification_id", script, "code", guessed), 422},
		"a bad code":     {form("/verify", "verification_id", id, "code", script), 422},
		"a bad token":    {form("/verify", "verification_id", id, "token", script), 422},
		"nothing at all": {form("/verify"), 422},
		"again for none": {form("/resend", "verification_id", marker), 422},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := s.send(t, c.request)
			if response.StatusCode != c.status || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s %s: %s", response.Status, response.Header.Get("Content-Type"), body)
			}
			if strings.Contains(body, "<script>"+marker) {
				t.Errorf("has what was typed as markup: %s", body)
			}
		})
	}
}

// brokenHTTP sends what is not quite HTTP. net/http refuses it before a handler sees it.
func brokenHTTP(t *testing.T, s *system) {
	const body = `{"email":"zq7x@example.com","first_name":"Ada"}`
	post := func(headers ...string) string {
		return "POST /api/register HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body
	}
	length := fmt.Sprintf("Content-Length: %d", len(body))
	for name, c := range map[string]struct {
		sent   string
		status int
	}{
		"no host":             {post(length), 400},
		"two hosts":           {post("Host: a.example", "Host: zq7x.example", length), 400},
		"a bad host":          {post("Host: zq7x example", length), 400},
		"two lengths":         {post("Host: a", length, "Content-Length: 5"), 400},
		"a negative length":   {post("Host: a", "Content-Length: -1"), 400},
		"a length of words":   {post("Host: a", "Content-Length: zq7x"), 400},
		"a huge length":       {post("Host: a", "Content-Length: 99999999999999999999"), 400},
		"an unknown encoding": {post("Host: a", "Transfer-Encoding: zq7x"), 501},
		"a header without :":  {post("Host: a", "zq7x", length), 400},
		"a space before :":    {post("Host: a", "Zq7x : y", length), 400},
		"a NUL in a header":   {post("Host: a", "Zq7x: \x00", length), 400},
		"a large header":      {post("Host: a", "Zq7x: "+strings.Repeat("y", 1<<20+8<<10), length), 431},
		"no HTTP":             {"zq7x\r\n\r\n", 400},
		"another protocol":    {"POST /api/register ZQ7X/1.1\r\nHost: a\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.api(0).env["HTTP_ADDR"])
			check(t, err)
			defer conn.Close()
			check(t, conn.SetDeadline(time.Now().Add(answerWithin)))
			_, _ = io.WriteString(conn, c.sent) // who refuses early need not read to the end
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			check(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			check(t, err)
			if response.StatusCode != c.status || strings.Contains(string(body), marker) {
				t.Errorf("%s: %s", response.Status, body)
			}
		})
	}
}

// ends tells the ends of all topics but instances, on which processes tell of themselves.
func (s *system) ends(t *testing.T) string {
	t.Helper()
	admin := kadm.NewClient(s.connect(t))
	defer admin.Close()
	ends, err := admin.ListEndOffsets(t.Context())
	check(t, err)
	var b strings.Builder
	for _, end := range ends.Offsets().Sorted() {
		if end.Topic != topics.Instances {
			fmt.Fprintf(&b, "%s/%d: %d\n", end.Topic, end.Partition, end.At)
		}
	}
	return b.String()
}

// quiet waits until the notifiers have nothing left to do, and returns the topics' ends.
func (s *system) quiet(t *testing.T) string {
	t.Helper()
	admin := kadm.NewClient(s.connect(t))
	defer admin.Close()
	var last string
	if !eventually(t.Context(), readWithin, func() bool {
		lags, err := admin.Lag(t.Context(), topics.UserService, topics.NotificationService)
		check(t, err)
		before := last
		last = s.ends(t)
		return last == before && lags[topics.UserService].Lag.Total() == 0 && lags[topics.NotificationService].Lag.Total() == 0
	}) {
		t.Fatal("the topics do not come to rest")
	}
	return last
}
