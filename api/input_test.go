package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/user"
)

// What clients send that is not what they should. None of it may reach Kafka,
// and no answer may repeat a code, a token or a handle.
func TestInput_ThatIsNotUsable_IsRefusedByFieldAndNeverRepeated(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	token := s.lastToken()
	before := len(s.sent())

	secret := s.secrets.First()
	h := user.Handle{VerificationID: "v", Email: "ada@example.com", OpenedAt: time.Now().Add(-26 * time.Hour)}
	old := secret.Seal(h, make([]byte, user.HandleNonceSize))
	others, err := user.ParseSecrets("a:" + strings.Repeat("B", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	h.OpenedAt = time.Now()
	forged := others.First().Seal(h, make([]byte, user.HandleNonceSize))
	flipped := []byte(id)
	flipped[len(flipped)-5] ^= 1

	register := func(email, first string) string { return object("email", email, "first_name", first) }
	guess := func(id, code string) string { return object("verification_id", id, "code", code) }

	for name, c := range map[string]struct {
		path, contentType, key, body string
		status                       int
		code, field                  string
	}{
		"nothing":            {"/api/register", "", "", "", 400, "json_malformed", ""},
		"only space":         {"/api/register", "", "", " \n", 400, "json_malformed", ""},
		"half an object":     {"/api/register", "", "", `{"email":"a@example.com"`, 400, "json_malformed", ""},
		"half a string":      {"/api/verify", "", "", `{"code":"654321`, 400, "json_malformed", ""},
		"two objects":        {"/api/register", "", "", `{}{}`, 400, "json_malformed", ""},
		"trailing words":     {"/api/verify", "", "", guess(id, "654321") + "654321", 400, "json_malformed", ""},
		"an array":           {"/api/register", "", "", `[]`, 400, "json_malformed", ""},
		"null":               {"/api/register", "", "", `null`, 400, "json_malformed", ""},
		"a string":           {"/api/verify", "", "", `"654321"`, 400, "json_malformed", ""},
		"a number as key":    {"/api/verify", "", "", `{654321:1}`, 400, "json_malformed", ""},
		"a trailing comma":   {"/api/register", "", "", `{"email":"a@example.com",}`, 400, "json_malformed", ""},
		"a comment":          {"/api/register", "", "", `{/**/}`, 400, "json_malformed", ""},
		"not UTF-8":          {"/api/register", "", "", "{\"email\":\"\xff@example.com\"}", 400, "json_malformed", ""},
		"UTF-16":             {"/api/register", "", "", "{\x00}\x00", 400, "json_malformed", ""},
		"a form":             {"/api/verify", "application/x-www-form-urlencoded", "", "code=654321", 415, "content_type_invalid", ""},
		"no type":            {"/api/register", "none", "", register("a@example.com", "A"), 415, "content_type_invalid", ""},
		"text":               {"/api/register", "text/plain", "", register("a@example.com", "A"), 415, "content_type_invalid", ""},
		"a type like JSON":   {"/api/register", "application/jsonx", "", register("a@example.com", "A"), 415, "content_type_invalid", ""},
		"a broken type":      {"/api/register", "application/json; =", "", register("a@example.com", "A"), 415, "content_type_invalid", ""},
		"over 16 KiB":        {"/api/register", "", "", register("a@example.com", strings.Repeat("A", 16<<10)), 413, "body_too_large", ""},
		"deep":               {"/api/register", "", "", `{"email":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`, 422, "field_invalid", "email"},
		"unknown field":      {"/api/verify", "", "", object("verification_id", id, "code", "654321", "admin", "654321"), 422, "field_unknown", "admin"},
		"a field of another": {"/api/resend", "", "", object("verification_id", id, "code", "654321"), 422, "field_unknown", "code"},
		"other case":         {"/api/register", "", "", `{"Email":"a@example.com","first_name":"A"}`, 422, "field_unknown", "Email"},
		"twice":              {"/api/register", "", "", `{"email":"a@example.com","email":"b@example.com","first_name":"A"}`, 422, "field_invalid", "email"},
		"a number":           {"/api/verify", "", "", `{"verification_id":"` + id + `","code":654321}`, 422, "field_invalid", "code"},
		"a null":             {"/api/register", "", "", `{"email":null,"first_name":"A"}`, 422, "field_invalid", "email"},
		"an object":          {"/api/register", "", "", `{"email":{"a":"b"},"first_name":"A"}`, 422, "field_invalid", "email"},

		"short key":       {"/api/register", "", "123456789012345", register("a@example.com", "A"), 400, "idempotency_key_invalid", ""},
		"long key":        {"/api/register", "", strings.Repeat("k", 256), register("a@example.com", "A"), 400, "idempotency_key_invalid", ""},
		"key with spaces": {"/api/register", "", "0123456789 abcdef", register("a@example.com", "A"), 400, "idempotency_key_invalid", ""},
		"key with umlaut": {"/api/register", "", "0123456789äbcdef", register("a@example.com", "A"), 400, "idempotency_key_invalid", ""},

		"no address":        {"/api/register", "", "", object("first_name", "A"), 422, "email_invalid", "email"},
		"empty address":     {"/api/register", "", "", register("", "A"), 422, "email_invalid", "email"},
		"no @":              {"/api/register", "", "", register("example.com", "A"), 422, "email_invalid", "email"},
		"no domain":         {"/api/register", "", "", register("a@", "A"), 422, "email_invalid", "email"},
		"no dot":            {"/api/register", "", "", register("a@example", "A"), 422, "email_invalid", "email"},
		"localhost":         {"/api/register", "", "", register("a@x.localhost", "A"), 422, "email_invalid", "email"},
		"two dots":          {"/api/register", "", "", register("a..b@example.com", "A"), 422, "email_invalid", "email"},
		"a line break":      {"/api/register", "", "", register("a@example.com\r\nBcc: b@example.com", "A"), 422, "email_invalid", "email"},
		"a right-to-left":   {"/api/register", "", "", register("a\u202e@example.com", "A"), 422, "email_invalid", "email"},
		"a lone surrogate":  {"/api/register", "", "", `{"email":"a\ud800@example.com","first_name":"A"}`, 422, "email_invalid", "email"},
		"320 characters":    {"/api/register", "", "", register(strings.Repeat("a", 64)+"@"+strings.Repeat("b.", 126)+"com", "A"), 422, "email_invalid", "email"},
		"a display name":    {"/api/register", "", "", register("Ada <a@example.com>", "A"), 422, "email_invalid", "email"},
		"a quoted name":     {"/api/register", "", "", register(`"a b"@example.com`, "A"), 422, "email_unsupported", "email"},
		"an IP address":     {"/api/register", "", "", register("a@[127.0.0.1]", "A"), 422, "email_unsupported", "email"},
		"umlauts before @":  {"/api/register", "", "", register("ä@example.com", "A"), 422, "email_unsupported", "email"},
		"no first name":     {"/api/register", "", "", object("email", "a@example.com"), 422, "first_name_invalid", "first_name"},
		"a long name":       {"/api/register", "", "", register("a@example.com", strings.Repeat("A", 65)), 422, "first_name_invalid", "first_name"},
		"a control":         {"/api/register", "", "", register("a@example.com", "A\x00"), 422, "first_name_invalid", "first_name"},
		"a link":            {"/api/register", "", "", register("a@example.com", "win at evil.example"), 422, "first_name_invalid", "first_name"},
		"a number as name":  {"/api/register", "", "", register("a@example.com", "555 1234"), 422, "first_name_invalid", "first_name"},
		"a bad last name":   {"/api/register", "", "", object("email", "a@example.com", "first_name", "A", "last_name", "<b>"), 422, "last_name_invalid", "last_name"},
		"a bad locale":      {"/api/register", "", "", object("email", "a@example.com", "first_name", "A", "locale", "english"), 422, "locale_invalid", "locale"},
		"a long locale":     {"/api/register", "", "", object("email", "a@example.com", "first_name", "A", "locale", "en-"+strings.Repeat("x", 40)), 422, "locale_invalid", "locale"},
		"no id":             {"/api/verify", "", "", object("code", "654321"), 422, "verification_id_invalid", "verification_id"},
		"a made-up id":      {"/api/verify", "", "", guess("made-up", "654321"), 422, "verification_id_invalid", "verification_id"},
		"a UUID as id":      {"/api/verify", "", "", guess("0b1b9c1e-8b1a-4b7c-9d0e-1f2a3b4c5d6e", "654321"), 422, "verification_id_invalid", "verification_id"},
		"a cut id":          {"/api/verify", "", "", guess(id[:len(id)-3], "654321"), 422, "verification_id_invalid", "verification_id"},
		"a changed id":      {"/api/verify", "", "", guess(string(flipped), "654321"), 422, "verification_id_invalid", "verification_id"},
		"another's secret":  {"/api/verify", "", "", guess(forged, "654321"), 422, "verification_id_invalid", "verification_id"},
		"an old id":         {"/api/verify", "", "", guess(old, "654321"), 422, "verification_id_invalid", "verification_id"},
		"an old id again":   {"/api/resend", "", "", object("verification_id", old), 422, "verification_id_invalid", "verification_id"},
		"no guess":          {"/api/verify", "", "", object("verification_id", id), 422, "code_malformed", "code"},
		"five digits":       {"/api/verify", "", "", guess(id, "65432"), 422, "code_malformed", "code"},
		"seven digits":      {"/api/verify", "", "", guess(id, "6543210"), 422, "code_malformed", "code"},
		"letters":           {"/api/verify", "", "", guess(id, "65432a"), 422, "code_malformed", "code"},
		"Arabic digits":     {"/api/verify", "", "", guess(id, "٦٥٤٣٢١"), 422, "code_malformed", "code"},
		"a space in it":     {"/api/verify", "", "", guess(id, "654 321"), 422, "code_malformed", "code"},
		"half a token":      {"/api/verify", "", "", object("verification_id", id, "token", token[:20]), 422, "token_malformed", "token"},
		"a token, not Base": {"/api/verify", "", "", object("verification_id", id, "token", "!!!!!!!!!!!!!!!!!!!!!!"), 422, "token_malformed", "token"},
		"code and token":    {"/api/verify", "", "", object("verification_id", id, "code", "654321", "token", token), 422, "field_invalid", "token"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.contentType == "" {
				c.contentType = "application/json"
			}
			if c.contentType == "none" {
				c.contentType = ""
			}
			a := s.do(http.MethodPost, c.path, c.contentType, c.key, c.body)
			problem := a.json(t)
			if a.status != c.status || problem["code"] != c.code || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s %s", a.status, a.header.Get("Content-Type"), a.body)
			}
			field := ""
			if all, ok := problem["errors"].([]any); ok {
				field = all[0].(map[string]any)["field"].(string)
			}
			if field != c.field {
				t.Errorf("names the field %q, want %q", field, c.field)
			}
			for _, value := range []string{"654321", "65432", token, id, forged, old, "evil.example", "Bcc"} {
				if strings.Contains(a.body, value) {
					t.Errorf("repeats %q: %s", value, a.body)
				}
			}
		})
	}
	if after := s.sent(); len(after) != before {
		t.Errorf("%d commands were sent: %+v", len(after)-before, after[before:])
	}
}

func TestInput_OfPathsAndMethods_IsRefusedAsAProblem(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{http.MethodGet, "/api/register", 405, "method_not_allowed", "POST"},
		{http.MethodDelete, "/api/verifications/x", 405, "method_not_allowed", "GET"},
		{"BREW", "/api/register", 405, "method_not_allowed", "POST"},
		{http.MethodGet, "/api/", 404, "not_found", ""},
		{http.MethodPost, "/api/registers", 404, "not_found", ""},
		{http.MethodGet, "/users/ada@example.com", 404, "not_found", ""},
		{http.MethodGet, "/public.go", 404, "not_found", ""},
		{http.MethodGet, "/api/verifications/made-up", 422, "verification_id_invalid", ""},
	} {
		a := s.do(c.method, c.path, "", "", "")
		if a.status != c.status || a.json(t)["code"] != c.code || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, a.status, a.header["Allow"], a.body)
		}
	}
}

// object is a JSON object of pairs.
func object(pairs ...string) string {
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(b)
}
