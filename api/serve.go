package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Rules:
//   - a slow client cannot hold a connection for ever;
//   - a stop lets requests end for 3 s.

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 20 * time.Second // beyond the longest wait for an outcome
	idleTimeout       = 60 * time.Second
	stopTimeout       = 3 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Serve answers on l until ctx ends, and closes l. It returns nil after a stop
// by ctx, whether or not every request could end.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // what is still open had its time
	}
	<-ended
	return nil
}
