package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"countersign/api"
	"countersign/user"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a public listener over a fold, and what its log says.
type site struct {
	*fold
	shelf    *shelf
	past     *past
	post     *post
	refusing refusing
	t        testing.TB
	url      string
	client   *http.Client
	handler  http.Handler
	public   *api.Public
	secrets  user.Secrets
	log      *logged
}

// logged is what a log says.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newSite returns a site without limits, unless they are what changes.
func newSite(t testing.TB, changes ...func(*api.Config)) *site {
	t.Helper()
	s := newHandler(t, changes...)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	return s
}

// newHandler returns a site that can only be asked without a network.
func newHandler(t testing.TB, changes ...func(*api.Config)) *site {
	t.Helper()
	secrets, err := user.ParseSecrets("a:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{fold: newFold(), shelf: &shelf{}, past: &past{}, refusing: refusing{}, t: t, secrets: secrets, log: &logged{}}
	s.post = &post{fold: s.fold}
	log := logrus.New()
	log.SetOutput(s.log)
	log.SetLevel(logrus.DebugLevel)
	c := api.Config{
		Commands: s.fold, Users: s.fold, Mails: s.fold, Secrets: secrets, PublicAddresses: true,
		PublicURL: "https://sign.example", Pages: os.DirFS("../web/public"), Log: log,
		RateLimit: -1,
	}
	for _, change := range changes {
		change(&c)
	}
	h, err := api.NewPublic(c)
	if err != nil {
		t.Fatal(err)
	}
	s.handler, s.public = newDescribed(t, h), h
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// json reads the answer's body.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("body is not JSON: %v\n%s", err, a.body)
	}
	return v
}

func (s *site) do(method, path, contentType, key, body string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return send(s.t, s.client, r)
}

func send(t testing.TB, client *http.Client, r *http.Request) answer {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(all)}
}

// call posts fields as JSON, with a key unless it is empty.
func (s *site) call(path, key string, fields map[string]string) answer {
	s.t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(http.MethodPost, path, "application/json", key, string(body))
}

// register registers an address and returns its public id and its code.
func (s *site) register(email string) (id, code string) {
	s.t.Helper()
	a := s.call("/api/register", "", map[string]string{"email": email, "first_name": "Ada", "last_name": "Lovelace"})
	if a.status != http.StatusAccepted {
		s.t.Fatalf("register: %d %s", a.status, a.body)
	}
	return a.json(s.t)["verification_id"].(string), s.lastCode()
}

// lastCode is what the last command's mail would say.
func (s *site) lastCode() string {
	sent := s.sent()
	c := sent[len(sent)-1]
	return s.secrets.First().Code(c.Email, c.VerificationID, c.Nonce)
}

// lastToken is what the link of the last command's mail would hold.
func (s *site) lastToken() string {
	sent := s.sent()
	c := sent[len(sent)-1]
	return s.secrets.First().LinkToken(c.Email, c.VerificationID, c.Nonce)
}

// wrongCode is another one than code.
func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
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
