package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"countersign/client"
)

func Example() {
	ctx := context.Background()
	c, err := client.New(client.Config{PublicURL: publicURL, InternalURL: internalURL})
	if err != nil {
		log.Fatal(err)
	}
	registered, err := c.Register(ctx, client.Registration{Email: "Grace@Example.com", FirstName: "Grace"})
	if err != nil {
		log.Fatal(err)
	}
	verified, err := c.Verify(ctx, registered.VerificationID, mailedCode("grace@example.com"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Status, verified.Email)

	account, err := c.Lookup(ctx, "GRACE@example.com") // as any service may, at any time
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.Status, account.FirstName, account.UserID == verified.UserID)
	// Output:
	// verified grace@example.com
	// verified Grace true
}

func ExampleClient_Verify_aWrongCode() {
	ctx := context.Background()
	c, err := client.New(client.Config{PublicURL: publicURL})
	if err != nil {
		log.Fatal(err)
	}
	registered, err := c.Register(ctx, client.Registration{Email: "alan@example.com", FirstName: "Alan"})
	if err != nil {
		log.Fatal(err)
	}
	wrong := "000000"
	if wrong == mailedCode("alan@example.com") {
		wrong = "000001"
	}
	_, err = c.Verify(ctx, registered.VerificationID, wrong)
	var refused *client.Error
	if errors.Is(err, client.ErrCodeInvalid) && errors.As(err, &refused) {
		fmt.Println("wrong, tries left:", refused.AttemptsRemaining)
	}
	// Output:
	// wrong, tries left: 4
}

func ExampleClient_Register_notValid() {
	c, err := client.New(client.Config{PublicURL: publicURL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Register(context.Background(), client.Registration{Email: "edsger", FirstName: "https://example.com"})
	var refused *client.Error
	if errors.Is(err, client.ErrInvalid) && errors.As(err, &refused) {
		for _, field := range refused.Fields {
			fmt.Println(field.Field, field.Code)
		}
	}
	// Output:
	// email email_invalid
	// first_name first_name_invalid
}

func ExampleClient_Lookup_ofNobody() {
	c, err := client.New(client.Config{InternalURL: internalURL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Lookup(context.Background(), "nobody@example.com")
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output:
	// true
}

// An operator's program: retry what was given up while the relay was misconfigured.
func ExampleClient_RetryMail() {
	ctx := context.Background()
	c, err := client.New(client.Config{InternalURL: internalURL}) // Token: the value of OPERATOR_TOKEN, where one is set
	if err != nil {
		log.Fatal(err)
	}
	retried := 0
	for mail, err := range c.Mails(ctx, client.MailFilter{Status: "failed"}) {
		if err != nil {
			log.Fatal(err)
		}
		_, err = c.RetryMail(ctx, mail.ID)
		if errors.Is(err, client.ErrRefused) {
			continue // it is too late, or the address is suppressed: see Unsuppress
		}
		if err != nil {
			log.Fatal(err)
		}
		retried++
	}
	fmt.Println(retried)
	// Output:
	// 0
}

func ExampleClient_Unsuppress_notSuppressed() {
	c, err := client.New(client.Config{InternalURL: internalURL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Unsuppress(context.Background(), "ada@example.com")
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output:
	// true
}
