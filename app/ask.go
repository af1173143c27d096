package app

import (
	"bytes"
	"cmp"
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
const askTimeout = 15 * time.Second

// ShowUser prints what the api role at INTERNAL_ADDR knows of an address.
func ShowUser(ctx context.Context, s Settings, email string, out io.Writer) error {
	return s.show(ctx, http.MethodGet, "/users/"+url.PathEscape(email), out)
}

// EraseUser has the api role at INTERNAL_ADDR erase an address, and prints what it answers.
func EraseUser(ctx context.Context, s Settings, email string, out io.Writer) error {
	return s.show(ctx, http.MethodDelete, "/users/"+url.PathEscape(email), out)
}

// Healthy returns nil if the instance at INTERNAL_ADDR is ready.
func Healthy(ctx context.Context, s Settings) error {
	return s.ask(ctx, http.MethodGet, "/readyz", new(json.RawMessage))
}

// show prints the JSON that the internal listener answers, or returns its refusal.
func (s Settings) show(ctx context.Context, method, path string, out io.Writer) error {
	var answer json.RawMessage
	if err := s.ask(ctx, method, path, &answer); err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, answer, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, pretty.String())
	return err
}

// ask reads what the internal listener answers, or returns its refusal.
func (s Settings) ask(ctx context.Context, method, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := s.open(ctx, method, path)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return s.broken(err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return s.broken(fmt.Errorf("no JSON of this form: %w", err))
	}
	return nil
}

// broken says that an answer ended, or is none.
func (s Settings) broken(err error) error {
	return fmt.Errorf("answer of INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
}

// open asks the internal listener. It returns the body of its answer, to be closed, or its refusal.
func (s Settings) open(ctx context.Context, method, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.InternalAddr+path, nil)
	if err != nil {
		return nil, fmt.Errorf("INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	token := cmp.Or(s.InternalToken, s.OperatorToken)
	if method != http.MethodGet {
		token = cmp.Or(s.OperatorToken, s.InternalToken)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("nothing answers at INTERNAL_ADDR=%s: %w", s.InternalAddr, err)
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusAccepted {
		return res.Body, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, s.broken(err)
	}
	var why refusal
	if json.Unmarshal(body, &why) != nil || why.Error() == "" {
		return nil, fmt.Errorf("INTERNAL_ADDR=%s answers %s, which is no answer of countersign", s.InternalAddr, res.Status)
	}
	switch {
	case why.Code == "not_found":
		return nil, fmt.Errorf("INTERNAL_ADDR=%s is another role's: ask an api", s.InternalAddr)
	case why.Code == "token_required" && token == "":
		return nil, fmt.Errorf("INTERNAL_ADDR=%s asks for a token: INTERNAL_TOKEN must be set as it is there", s.InternalAddr)
	case why.Code == "token_required":
		return nil, fmt.Errorf("INTERNAL_ADDR=%s knows no such token: INTERNAL_TOKEN must be set as it is there", s.InternalAddr)
	case why.Code == "operator_required" && s.OperatorToken == "":
		return nil, fmt.Errorf("%w: OPERATOR_TOKEN must be set as it is there", why)
	}
	return nil, why
}

// refusal is what a problem and an unready instance say.
type refusal struct {
	Title, Detail, Code string
	Missing             []string
	Checks              []struct{ Name, Reason string }
}

// Error is one line for people, empty for what is no refusal.
func (r refusal) Error() string {
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

// refused says whether an error is the listener's refusal with that code.
func refused(err error, code string) bool {
	why := refusal{}
	return errors.As(err, &why) && why.Code == code
}
