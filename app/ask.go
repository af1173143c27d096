package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// askTimeout bounds a question to a running instance.
const askTimeout = 5 * time.Second

// ShowUser prints what the api role at INTERNAL_ADDR knows of an address.
func ShowUser(ctx context.Context, s Settings, email string, out io.Writer) error {
	return s.ask(ctx, "/users/"+url.PathEscape(email), out)
}

// Healthy returns nil if the instance at INTERNAL_ADDR is ready.
func Healthy(ctx context.Context, s Settings) error { return s.ask(ctx, "/readyz", io.Discard) }

// ask prints the JSON that the internal listener answers, or returns its problem.
func (s Settings) ask(ctx context.Context, path string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.InternalAddr+path, nil)
	if err != nil {
		return fmt.Errorf("INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	if s.InternalToken != "" {
		req.Header.Set("Authorization", "Bearer "+s.InternalToken)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nothing answers at INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	defer res.Body.Close()
	var answer any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s from INTERNAL_ADDR=%s is no answer of countersign", res.Status, s.InternalAddr)
	}
	pretty, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s\n%s", res.Status, pretty)
	}
	_, err = fmt.Fprintln(out, string(pretty))
	return err
}
