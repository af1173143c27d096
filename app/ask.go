package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// askTimeout bounds a question to a running instance.
const askTimeout = 5 * time.Second

// ShowUser prints what the api role at INTERNAL_ADDR knows of an address.
func ShowUser(ctx context.Context, s Settings, email string, out io.Writer) error {
	return s.show(ctx, "/users/"+url.PathEscape(email), out)
}

// Healthy returns nil if the instance at INTERNAL_ADDR is ready.
func Healthy(ctx context.Context, s Settings) error {
	_, err := s.ask(ctx, "/readyz")
	return err
}

// show prints the JSON that the internal listener answers.
func (s Settings) show(ctx context.Context, path string, out io.Writer) error {
	body, err := s.ask(ctx, path)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return s.noJSON(err)
	}
	_, err = fmt.Fprintln(out, strings.TrimSpace(pretty.String()))
	return err
}

func (s Settings) noJSON(err error) error {
	return fmt.Errorf("INTERNAL_ADDR=%s answers no JSON of countersign: %w", s.InternalAddr, err)
}

// ask returns what the internal listener answers; its refusal is an error.
func (s Settings) ask(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.InternalAddr+path, nil)
	if err != nil {
		return nil, fmt.Errorf("INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	if s.InternalToken != "" {
		req.Header.Set("Authorization", "Bearer "+s.InternalToken)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("nothing answers at INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("answer of INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	if res.StatusCode != http.StatusOK {
		var why refusal
		if json.Unmarshal(body, &why) != nil || why.String() == "" {
			return nil, fmt.Errorf("INTERNAL_ADDR=%s answers %s, which is no answer of countersign", s.InternalAddr, res.Status)
		}
		return nil, errors.New(why.String())
	}
	return body, nil
}

// refusal is what a problem and an unready instance say.
type refusal struct {
	Title, Detail string
	Missing       []string
	Checks        []struct{ Name, Reason string }
}

// String is one line for people, empty for what is no refusal.
func (r refusal) String() string {
	if len(r.Missing) == 0 {
		return strings.TrimSuffix(r.Title+": "+r.Detail, ": ")
	}
	var missing []string
	for _, name := range r.Missing {
		for _, c := range r.Checks {
			if c.Name == name && c.Reason != "" {
				name += " (" + c.Reason + ")"
			}
		}
		missing = append(missing, name)
	}
	return "not ready: " + strings.Join(missing, ", ")
}
