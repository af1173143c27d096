package api_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/api"
)

// pipes is a listener whose connections are in memory, so that in a bubble of synctest deadlines pass at once.
type pipes struct {
	server chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.server:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// slowly serves h to one client that talks as it likes, and returns how long it was borne and what was answered.
func slowly(t *testing.T, h http.Handler, talk func(net.Conn)) (borne time.Duration, answered string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := pipes{make(chan net.Conn), make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(ctx, l, h) }()
	mine, theirs := net.Pipe()
	l.server <- theirs
	began := time.Now()
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		talk(mine)
	}()
	all, _ := io.ReadAll(bufio.NewReader(mine))
	borne = time.Since(began)
	_ = mine.Close()
	<-silent
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return borne, string(all)
}

// drip writes text a character a second, until it is cut off.
func drip(c net.Conn, text string) {
	for i := range text {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestServe_SlowHeaders_AreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		borne, _ := slowly(t, newHandler(t).handler, func(c net.Conn) { drip(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") })
		if borne > 6*time.Second {
			t.Errorf("borne for %s", borne)
		}
	})
}

func TestServe_ASlowBody_IsAnsweredAsTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t)
		borne, answered := slowly(t, s.handler, func(c net.Conn) {
			_, _ = io.WriteString(c, "POST /api/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n")
			drip(c, registration+strings.Repeat(" ", 60))
		})
		if borne > 12*time.Second || !strings.HasPrefix(answered, "HTTP/1.1 408") || !strings.Contains(answered, "body_timeout") || len(s.sent()) != 0 {
			t.Errorf("borne for %s, answered %s", borne, answered)
		}
	})
}

func TestServe_WhoNeverReads_IsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := pipes{make(chan net.Conn), make(chan struct{})}
		ended, over := make(chan error, 1), make(chan time.Duration, 1)
		go func() {
			ended <- api.Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				began := time.Now()
				for page := strings.Repeat("a", 64<<10); ; {
					if _, err := io.WriteString(w, page); err != nil {
						over <- time.Since(began)
						return
					}
				}
			}))
		}()
		mine, theirs := net.Pipe()
		l.server <- theirs
		_, _ = io.WriteString(mine, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if borne := <-over; borne > 20*time.Second {
			t.Errorf("borne for %s", borne)
		}
		_ = mine.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestServe_WhoAsksNothingMore_IsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		borne, answered := slowly(t, newHandler(t).handler, func(c net.Conn) {
			_, _ = io.WriteString(c, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
		})
		if borne > 61*time.Second || !strings.HasPrefix(answered, "HTTP/1.1 404") {
			t.Errorf("borne for %s, answered %s", borne, answered)
		}
	})
}

func TestServe_HeadersBeyond16KiB_AreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, answered := slowly(t, newHandler(t).handler, func(c net.Conn) {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")
		})
		if !strings.HasPrefix(answered, "HTTP/1.1 431") {
			t.Errorf("answered %.100s", answered)
		}
	})
}
