package api

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"time"

	"golang.org/x/text/language"

	"countersign/user"
)

// Rules:
//   - answered when the command is acknowledged, alike whatever the account's state is: nobody
//     learns who has an account (OWASP ASVS 5.0 6.3.8);
//   - every field at fault is named, not only the first;
//   - the locale is no part of what makes two requests the same, unless it is given;
//   - the answer's verification_id is sealed: no address stands in a URL.

type registerRequest struct {
	Email     string `json:"email" format:"email" doc:"The address to confirm. Case, width and space around it do not count; its domain may be written in any script. A quoted part before the @ is not supported, nor is an IP address after it." example:"ada@example.com"`
	FirstName string `json:"first_name" format:"person-name" minLength:"1" doc:"Letters, spaces, ' ’ - and a dot before a space or at the end; nothing invisible." example:"Ada"`
	LastName  string `json:"last_name,omitempty" format:"person-name" doc:"As first_name, or empty." example:"Lovelace"`
	Locale    string `json:"locale,omitempty" format:"language-tag" doc:"A BCP 47 language tag for the mails; what is not known of it is passed over. Without it Accept-Language decides." example:"en-GB"`
}

// accepted answers register and resend.
type accepted struct {
	VerificationID string `json:"verification_id" format:"verification-id" doc:"What the other calls ask for. Whoever holds it may guess, ask again and look; it ends after 25 h."`
	Reference      string `json:"reference" pattern:"^[2-9B-DF-HJKMNP-TV-XZ]{3}$" doc:"Three characters that stand in the mail, too: they tell which mail belongs to this." example:"K7M"`
	ExpiresIn      int    `json:"expires_in" minimum:"0" maximum:"600" doc:"Seconds in which the code is valid." example:"600"`
	ResendIn       int    `json:"resend_in" minimum:"1" maximum:"3600" doc:"Seconds after which resend makes sense." example:"60"`
}

func (p *public) register(ctx context.Context, key string, r registerRequest) (*accepted, error) {
	if problem := p.normalize(&r); problem != nil {
		return nil, problem
	}
	secret := p.Secrets.First()
	body := canonical(r.Email, r.FirstName, r.LastName, r.Locale)
	h := user.Handle{VerificationID: secret.NewVerificationID(body, key), Email: r.Email, OpenedAt: time.Now()}
	c := p.command(user.Register, secret, body, key, h)
	c.FirstName, c.LastName, c.Locale = r.FirstName, r.LastName, cmp.Or(r.Locale, p.preferred(ctx))
	c.SetCode(secret, random(user.NonceSize))
	p.askMail(ctx, &c)
	if err := p.send(ctx, c); err != nil {
		return nil, err
	}
	return &accepted{
		VerificationID: secret.Seal(h, random(user.HandleNonceSize)), Reference: user.Reference(h.VerificationID),
		ExpiresIn: p.Policy.CodeTTLSeconds, ResendIn: p.Policy.MailIntervalSeconds,
	}, nil
}

// normalize gives every field its one spelling.
func (p *public) normalize(r *registerRequest) *Problem {
	var wrong []FieldError
	var err error
	if r.Email, err = user.NormalizeAddress(r.Email, p.PublicAddresses); err != nil {
		wrong = append(wrong, badAddress(err))
	}
	if r.FirstName, err = user.NormalizeName(r.FirstName); err != nil {
		wrong = append(wrong, FieldError{"first_name", firstNameInvalid, err.Error()})
	}
	if r.LastName != "" {
		if r.LastName, err = user.NormalizeName(r.LastName); err != nil {
			wrong = append(wrong, FieldError{"last_name", lastNameInvalid, err.Error()})
		}
	}
	if r.Locale != "" {
		if r.Locale, err = normalizeLocale(r.Locale); err != nil {
			wrong = append(wrong, FieldError{"locale", localeInvalid, err.Error()})
		}
	}
	return badFields(wrong...)
}

func badAddress(err error) FieldError {
	code := emailInvalid
	if a := (*user.AddressError)(nil); errors.As(err, &a) && a.Unsupported {
		code = emailUnsupported
	}
	return FieldError{"email", code, err.Error()}
}

var (
	errLocale = errors.New("must be a BCP 47 language tag, like en or pt-BR")
	isLocale  = regexp.MustCompile(formats["language-tag"].pattern).MatchString
)

// normalizeLocale writes a language tag as BCP 47 (RFC 5646 §4.5) does, without the parts of it that nobody registered:
// a mail in another language is better than none.
func normalizeLocale(typed string) (string, error) {
	if len(typed) > user.MaxLocale || !isLocale(typed) {
		return "", errLocale
	}
	known, _ := language.Parse(typed)
	known, _ = language.Parse(known.String()) // what stands for something out of use may be so itself: AA-nH is aa-NH, and that aa-VU
	if normal := known.String(); len(normal) <= user.MaxLocale {
		return normal, nil
	}
	return "", errLocale
}
