package user_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/user"
)

func TestValidate_TakesACompleteCommand(t *testing.T) {
	for _, c := range completeCommands() {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", c.Type, err)
		}
	}
}

func TestValidate_NamesWhatIsMissing(t *testing.T) {
	strip := map[string]func(*user.Command){
		"command_id":      func(c *user.Command) { c.ID = "" },
		"email":           func(c *user.Command) { c.Email = "" },
		"verification_id": func(c *user.Command) { c.VerificationID = "" },
		"first_name":      func(c *user.Command) { c.FirstName = "" },
		"secret_id":       func(c *user.Command) { c.SecretID = "" },
		"nonce":           func(c *user.Command) { c.Nonce = append(c.Nonce, 0) },
		"answer_digest":   func(c *user.Command) { c.AnswerDigest = c.AnswerDigest[:31] },
		"link_digest":     func(c *user.Command) { c.LinkDigest = nil },
		"dispute_digest":  func(c *user.Command) { c.DisputeDigest = c.DisputeDigest[:31] },
		"token_digest":    func(c *user.Command) { c.TokenDigest = nil },
	}
	always := []string{"command_id", "email", "verification_id"}
	code := append([]string{"secret_id", "nonce", "answer_digest", "link_digest", "dispute_digest"}, always...)
	needed := map[user.CommandType][]string{
		user.Register: append([]string{"first_name"}, code...), user.Resend: code, user.Verify: always, user.Erase: always[:2], user.Sweep: always[:2],
		user.Dispute: append([]string{"token_digest"}, always...),
	}
	for _, whole := range completeCommands() {
		for _, field := range needed[whole.Type] {
			c := whole
			strip[field](&c)
			err := c.Validate()
			if !errors.Is(err, user.ErrInvalidCommand) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s without %s: %v", c.Type, field, err)
			}
		}
	}
}

func TestValidate_BoundsEveryText(t *testing.T) {
	long := strings.Repeat("x", 255)
	stretch := map[string]func(*user.Command){
		"command_id":      func(c *user.Command) { c.ID = long[:65] },
		"email":           func(c *user.Command) { c.Email = long },
		"verification_id": func(c *user.Command) { c.VerificationID = long[:65] },
		"first_name":      func(c *user.Command) { c.FirstName = long[:65] },
		"last_name":       func(c *user.Command) { c.LastName = "see http://example.com" },
		"locale":          func(c *user.Command) { c.Locale = long[:36] },
		"secret_id":       func(c *user.Command) { c.SecretID = long[:17] },
		"client":          func(c *user.Command) { c.Client = long[:65] },
	}
	for field, change := range stretch {
		c := completeCommands()[0]
		change(&c)
		if err := c.Validate(); !errors.Is(err, user.ErrInvalidCommand) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s too long: %v", field, err)
		}
	}
}

func TestValidate_TakesTheLongestTexts(t *testing.T) {
	c := completeCommands()[0]
	long := strings.Repeat("x", 254)
	c.ID, c.VerificationID, c.Client, c.Email = long[:64], long[:64], long[:64], long
	c.FirstName, c.LastName, c.Locale, c.SecretID = long[:64], long[:64], long[:35], long[:16]
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate_OfAnOlderApi_WantsNoDisputeDigest(t *testing.T) {
	c := completeCommands()[0]
	c.DisputeDigest = nil
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.DisputeDigest = []byte{1}; c.Validate() == nil {
		t.Error("a digest of one byte is taken")
	}
}

func TestValidate_OfAVerify_NeedsEitherAnswerOrToken(t *testing.T) {
	full, short := user.TokenDigest("x"), []byte("x")
	for _, c := range []struct {
		answer, token []byte
		ok            bool
	}{
		{full, nil, true},
		{nil, full, true},
		{nil, nil, false},
		{full, full, false},
		{short, nil, false},
		{nil, short, false},
		{full, short, false},
		{short, full, false},
		{append(full, 0), nil, false},
	} {
		err := user.Command{ID: "c1", Type: user.Verify, Email: ada, VerificationID: "v1", Answer: c.answer, TokenDigest: c.token}.Validate()
		if (err == nil) != c.ok {
			t.Errorf("answer of %d bytes, token digest of %d: %v", len(c.answer), len(c.token), err)
		}
	}
}

func TestValidate_OfAnUnknownType_NeverRepeatsIt(t *testing.T) {
	err := user.Command{ID: "c1", Type: "zebra", Email: ada, VerificationID: "v1"}.Validate()
	if !errors.Is(err, user.ErrInvalidCommand) || strings.Contains(err.Error(), "zebra") {
		t.Errorf("error %v", err)
	}
}

func completeCommands() []user.Command {
	a := newAccount()
	a.register("v1")
	a.resend("v1")
	a.verify("v1", "123456")
	a.dispute("v1", "token")
	a.erase()
	a.send(a.command(user.Sweep, ""))
	return a.sent
}
