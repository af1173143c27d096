package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"

	"countersign/user"
)

// Rules:
//   - every refusal is a problem (RFC 9457) with a stable code; one code has one status;
//   - a problem names fields and never repeats a value: it might be a code, a token or a handle;
//   - what came of a guess (user.Result) is the code of its problem;
//   - 503 always says when to come again, and so does 429 where waiting helps.

// The codes of problems that the code speaks of. problems holds them all.
const (
	jsonMalformed         = "json_malformed"
	formMalformed         = "form_malformed"
	idempotencyKeyInvalid = "idempotency_key_invalid"
	bodyTimeout           = "body_timeout"
	bodyTooLarge          = "body_too_large"
	contentTypeInvalid    = "content_type_invalid"
	fieldUnknown          = "field_unknown"
	fieldInvalid          = "field_invalid"
	emailInvalid          = "email_invalid"
	emailUnsupported      = "email_unsupported"
	firstNameInvalid      = "first_name_invalid"
	lastNameInvalid       = "last_name_invalid"
	localeInvalid         = "locale_invalid"
	clientIPInvalid       = "client_ip_invalid"
	parameterInvalid      = "parameter_invalid"
	verificationIDInvalid = "verification_id_invalid"
	codeMalformed         = "code_malformed"
	tokenMalformed        = "token_malformed"
	codeInvalid           = "code_invalid"
	codeExpired           = "code_expired"
	tooManyAttempts       = "too_many_attempts"
	unavailable           = "unavailable"
	outcomeUnknown        = "outcome_unknown"
	overloaded            = "overloaded"
	rateLimited           = "rate_limited"
	notFound              = "not_found"
	methodNotAllowed      = "method_not_allowed"
	internalError         = "internal_error"
	userNotFound          = "user_not_found"
	tokenRequired         = "token_required"
	hostForbidden         = "host_forbidden"
	originForbidden       = "origin_forbidden"
	operatorRequired      = "operator_required"
	deadLetterNotFound    = "dead_letter_not_found"
	deadLetterRetried     = "dead_letter_retried"
	deadLetterRefused     = "dead_letter_refused"
	mailNotFound          = "mail_not_found"
	mailRetryRefused      = "mail_retry_refused"
	mailCancelRefused     = "mail_cancel_refused"
	suppressionNotFound   = "suppression_not_found"
)

// problems says what each code is: the one map from a code, and with it from
// an outcome, to a status.
var problems = map[string]struct {
	status     int
	title      string
	detail     string // what is the matter, where that is always the same; else one example of it
	retryAfter int    // seconds
	field      string // one that it can be about, for the description
	header     string // that goes with it, for the description
}{
	jsonMalformed:         {status: http.StatusBadRequest, title: "The body is not one JSON object", detail: "send one JSON object in UTF-8, like {\"name\":\"value\"}"},
	formMalformed:         {status: http.StatusBadRequest, title: "The body is not a form", detail: "this is not a form of ours"},
	idempotencyKeyInvalid: {status: http.StatusBadRequest, title: "The Idempotency-Key is unusable", detail: "Idempotency-Key must have 16 to 255 visible ASCII characters"},
	bodyTimeout:           {status: http.StatusRequestTimeout, title: "The body did not arrive in time", detail: "send the whole body at once"},
	bodyTooLarge:          {status: http.StatusRequestEntityTooLarge, title: "The body is too large", detail: "a body has at most 16 KiB"},
	contentTypeInvalid:    {status: http.StatusUnsupportedMediaType, title: "The body must be application/json", detail: "send the body with Content-Type: application/json"},

	fieldUnknown:          {status: http.StatusUnprocessableEntity, title: "A field is not known here", detail: "is not a field of this call", field: "nickname"},
	fieldInvalid:          {status: http.StatusUnprocessableEntity, title: "A field is not a string", detail: "must be a string", field: "email"},
	emailInvalid:          {status: http.StatusUnprocessableEntity, title: "The address is not valid", detail: "must have the form name@example.com", field: "email"},
	emailUnsupported:      {status: http.StatusUnprocessableEntity, title: "Addresses of this kind are not supported", detail: "quoted names before the @ are not supported", field: "email"},
	firstNameInvalid:      {status: http.StatusUnprocessableEntity, title: "The first name is not valid", detail: user.ErrName.Error(), field: "first_name"},
	lastNameInvalid:       {status: http.StatusUnprocessableEntity, title: "The last name is not valid", detail: user.ErrName.Error(), field: "last_name"},
	localeInvalid:         {status: http.StatusUnprocessableEntity, title: "The locale is not valid", detail: errLocale.Error(), field: "locale"},
	clientIPInvalid:       {status: http.StatusUnprocessableEntity, title: "The client's address is not valid", detail: "must be the visitor's IPv4 or IPv6 address, without a port", field: "client_ip"},
	parameterInvalid:      {status: http.StatusUnprocessableEntity, title: "A parameter is not valid", detail: "must be a number from 1 to 1000", field: "limit"},
	verificationIDInvalid: {status: http.StatusUnprocessableEntity, title: "There is no such verification", detail: "is made up, damaged or too old: register again", field: "verification_id"},
	codeMalformed:         {status: http.StatusUnprocessableEntity, title: "The code does not have the form of one", detail: "must have six digits", field: "code"},
	tokenMalformed:        {status: http.StatusUnprocessableEntity, title: "The link's token does not have the form of one", detail: "must be the part of the link behind the dot", field: "token"},

	codeInvalid:     {status: http.StatusUnprocessableEntity, title: "The code is wrong"},
	codeExpired:     {status: http.StatusGone, title: "The code is no longer valid"},
	tooManyAttempts: {status: http.StatusTooManyRequests, title: "There were too many wrong codes"},
	rateLimited:     {status: http.StatusTooManyRequests, title: "You ask too often", detail: "try again in 42 s", retryAfter: 1},

	unavailable:    {status: http.StatusServiceUnavailable, title: "The service is not available; nothing was done", detail: "try again in a moment", retryAfter: 5},
	outcomeUnknown: {status: http.StatusServiceUnavailable, title: "It is not known yet whether this was done", detail: "repeat the request with the Idempotency-Key of this answer", retryAfter: 1},
	overloaded:     {status: http.StatusServiceUnavailable, title: "There is too much to do at the moment; nothing was done", detail: "try again in a moment", retryAfter: 1},

	notFound:         {status: http.StatusNotFound, title: "There is nothing here", detail: "/docs lists what there is"},
	methodNotAllowed: {status: http.StatusMethodNotAllowed, title: "This method is not possible here", detail: "see the header Allow", header: "Allow"},
	internalError:    {status: http.StatusInternalServerError, title: "Something went wrong on our side", detail: "it is logged; try again"},

	userNotFound:     {status: http.StatusNotFound, title: "Nothing is known of this address", detail: "it never registered, or was removed"},
	tokenRequired:    {status: http.StatusUnauthorized, title: "A token is required", detail: "send Authorization: Bearer and the internal token, or the operator token to change something", header: "WWW-Authenticate"},
	operatorRequired: {status: http.StatusForbidden, title: "Only an operator may change something here", detail: "send Authorization: Bearer and the operator token"},
	hostForbidden:    {status: http.StatusForbidden, title: "This listener does not answer to that host name", detail: "without a token, only localhost and loopback addresses are answered"},
	originForbidden:  {status: http.StatusForbidden, title: "Other sites may not ask this", detail: "send it from a page of this listener"},

	deadLetterNotFound: {status: http.StatusNotFound, title: "There is no such dead letter", detail: "its id is wrong, or it failed more than 14 days ago"},
	deadLetterRetried:  {status: http.StatusConflict, title: "This dead letter was retried before", detail: "it was retried at 2026-01-31T12:00:00Z, and has not failed again"},
	deadLetterRefused:  {status: http.StatusConflict, title: "This dead letter cannot be retried", detail: "its topic is no input of any group"},

	mailNotFound:        {status: http.StatusNotFound, title: "There is no such mail", detail: "its id is wrong, it is older than 7 days, or its address was erased"},
	mailRetryRefused:    {status: http.StatusConflict, title: "This mail is not sent again", detail: "it is sent"},
	mailCancelRefused:   {status: http.StatusConflict, title: "This mail does not wait any more", detail: "it is sent"},
	suppressionNotFound: {status: http.StatusNotFound, title: "This address is not suppressed", detail: "mails to it are sent"},
}

// Problem is a refusal, as RFC 9457 writes it.
type Problem struct {
	Type              string       `json:"type" format:"uri-reference" doc:"Where the code is described."`
	Title             string       `json:"title" doc:"What the code means."`
	Status            int          `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status again."`
	Detail            string       `json:"detail" doc:"What is the matter this time, for people."`
	Code              string       `json:"code" pattern:"^[a-z_]+$" doc:"What programs decide by. It stays the same."`
	Errors            []FieldError `json:"errors,omitempty" nullable:"false" doc:"The fields at fault."`
	AttemptsRemaining *int         `json:"attempts_remaining,omitempty" minimum:"0" maximum:"10" doc:"Wrong codes that may still come for this verification."`
	Next              string       `json:"next,omitempty" enum:"register" doc:"The only call that helps now; waiting does not."`

	header http.Header
}

// FieldError says what is the matter with one field. It never holds its value.
type FieldError struct {
	Field  string `json:"field" doc:"Its name, at most 64 characters of it."`
	Code   string `json:"code" pattern:"^[a-z_]+$" doc:"What is the matter, as in the problem's code."`
	Detail string `json:"detail" doc:"The same for people."`
}

// newProblem makes a problem of the table, with a detail of its own if that is not always the same.
func newProblem(code, detail string) *Problem {
	kind := problems[code]
	detail = cmp.Or(detail, kind.detail)
	p := &Problem{Type: "/docs#" + code, Title: kind.title, Status: kind.status, Detail: detail, Code: code, header: http.Header{}}
	if kind.retryAfter > 0 {
		p.header.Set("Retry-After", strconv.Itoa(kind.retryAfter))
	}
	return p
}

// wrongField says what is always the matter with a field, where that is the same.
func wrongField(field, code string) FieldError { return FieldError{field, code, problems[code].detail} }

// badFields makes one problem of what is wrong with some fields, nil if nothing is.
func badFields(all ...FieldError) *Problem {
	if len(all) == 0 {
		return nil
	}
	p := newProblem(all[0].Code, all[0].Field+": "+all[0].Detail)
	p.Errors = all
	return p
}

// Error says which problem it is.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that belong to the problem.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is that of RFC 9457 §3, whatever the client prefers.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// ServeHTTP answers with the problem.
func (p *Problem) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone: nobody to tell
}
