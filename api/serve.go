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
//   - a stop lets requests end for 3 s; one that would not end by itself ends with it.

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
	stopping, stop := context.WithCancel(context.Background())
	defer stop()
	server.RegisterOnShutdown(stop)
	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), stopKey{}, stopping)
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

// stopKey finds in a request's context the one that ends when the listener stops.
type stopKey struct{}

// untilStop is a request's context that ends with the listener's stop already.
func untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stopping, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok {
		return ctx, cancel
	}
	forget := context.AfterFunc(stopping, cancel)
	return ctx, func() { forget(); cancel() }
}
