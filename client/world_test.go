package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"countersign/app"
)

// Where the Countersign of these tests is: a whole one, embedded, in this process.
var publicURL, internalURL string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (exitCode int) {
	dir, err := os.MkdirTemp("", "client-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	var settings struct{ app.Settings }
	parser, err := kong.New(&settings)
	if err != nil {
		panic(err)
	}
	public, internal := freeAddress(), freeAddress()
	if _, err := parser.Parse([]string{
		"--state-dir", dir, "--http-addr", public, "--internal-addr", internal, "--log-level", "error",
		"--embedded-kafka-addr", freeAddress(), "--embedded-smtp-addr", freeAddress(),
	}); err != nil {
		panic(err)
	}
	publicURL, internalURL = "http://"+public, "http://"+internal
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, settings.Settings, app.Roles{API: true, Users: true, Notifier: true}, io.Discard)
	}()
	for !ready() {
		select {
		case err := <-ended:
			panic(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	exitCode = m.Run()
	stop()
	if err := <-ended; err != nil {
		fmt.Fprintln(os.Stderr, err)
		exitCode = 1
	}
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(
		goleak.IgnoreAnyFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		exitCode = 1
	}
	return exitCode
}

func ready() bool {
	response, err := http.Get(internalURL + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// mailed waits until the inbox has a mail to an address with what the expression finds in it.
func mailed(email, expression string) string {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text := fetch(internalURL + "/inbox/messages?to=" + url.QueryEscape(email))
		if found := regexp.MustCompile(expression).FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	panic("no mail came")
}

// mailedCode is the code that the mail to an address holds.
func mailedCode(email string) string { return mailed(email, `use this code (\d{6})`) }

func fetch(url string) string {
	response, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// described is the description that a listener serves of itself.
func described(base string) (d map[string]any) {
	if err := json.Unmarshal([]byte(fetch(base+"/openapi.json")), &d); err != nil {
		panic(err)
	}
	return d
}
