package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Rules:
//   - a caller decides by errors.Is, and finds in the Error what else there is to know;
//   - an error never holds a code, a token, an address or a verification's id.

// What an Error is.
var (
	ErrInvalid         = errors.New("something that was given is not valid")          // Fields names what
	ErrCodeInvalid     = errors.New("the code is wrong")                              // AttemptsRemaining says how many are left
	ErrCodeExpired     = errors.New("the code is no longer valid")                    // resend, or register again
	ErrTooManyAttempts = errors.New("there were too many wrong codes")                // register again: waiting does not help
	ErrRateLimited     = errors.New("this client asks too often")                     // RetryAfter says when to come again
	ErrUnavailable     = errors.New("the service is not available, nothing was done") // repeat later
	ErrOutcomeUnknown  = errors.New("it is not known whether this was done")          // repeat with the Key (WithKey)
	ErrNotFound        = errors.New("there is no such thing")                         // Lookup, Mail and the like, Suppression, Unsuppress
	ErrForbidden       = errors.New("the token is missing or not the right one")      // of the internal listener
	ErrRefused         = errors.New("it is too late for this mail")                   // RetryMail, CancelMail
	ErrUnexpected      = errors.New("the answer is not one of Countersign's, or new") // Status and Code say more
)

// kinds are the Errors that Countersign's codes are.
var kinds = map[string]error{
	"code_invalid": ErrCodeInvalid, "code_expired": ErrCodeExpired, "too_many_attempts": ErrTooManyAttempts,
	"rate_limited": ErrRateLimited, "unavailable": ErrUnavailable, "overloaded": ErrUnavailable, "outcome_unknown": ErrOutcomeUnknown,
	"user_not_found": ErrNotFound, "mail_not_found": ErrNotFound, "suppression_not_found": ErrNotFound,
	"mail_retry_refused": ErrRefused, "mail_cancel_refused": ErrRefused,
	"token_required": ErrForbidden, "operator_required": ErrForbidden, "host_forbidden": ErrForbidden,
}

// Error is a refusal (an RFC 9457 problem), or an attempt that was not answered.
type Error struct {
	Status            int          `json:"status"` // 0: there was no answer
	Code              string       `json:"code"`   // Countersign's own; they stand in its /docs
	Title             string       `json:"title"`
	Detail            string       `json:"detail"`
	Fields            []FieldError `json:"errors"`
	AttemptsRemaining int          `json:"attempts_remaining"` // with ErrCodeInvalid
	Next              string       `json:"next"`               // with ErrTooManyAttempts: register

	RetryAfter time.Duration `json:"-"` // when to come again; 0: it was not said
	Key        string        `json:"-"` // the call's Idempotency-Key

	kind, cause error
}

// FieldError says what is the matter with one field.
type FieldError struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// newError is the Error of an answer that is a refusal, or that cannot be read.
func newError(response *http.Response, text []byte, key string, unread error) *Error {
	e := &Error{Key: key, Status: response.StatusCode, kind: ErrUnexpected, cause: unread}
	if unread != nil {
		return e
	}
	_ = json.Unmarshal(text, e) // what is no problem of Countersign's has no code
	e.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if kind := kinds[e.Code]; kind != nil {
		e.kind = kind
	} else if len(e.Fields) > 0 {
		e.kind = ErrInvalid
	} else if e.passes() {
		e.kind = ErrOutcomeUnknown
	}
	return e
}

// passes says whether the same call may be answered otherwise later. 502 and 504 are of what stands in front of Countersign.
func (e *Error) passes() bool {
	switch e.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return errors.Is(e, ErrRateLimited)
}

// Error says what it is, and what is the matter this time.
func (e *Error) Error() string {
	switch {
	case e.cause != nil:
		return fmt.Sprintf("%v: %v", e.kind, e.cause)
	case e.Code != "":
		return fmt.Sprintf("%v: %s (%s)", e.kind, e.Detail, e.Code)
	}
	return fmt.Sprintf("%v: status %d", e.kind, e.Status)
}

// Unwrap returns which of the errors above it is, and what caused it where there was no answer.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}
