package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
)

func TestTidy_AddressesAndSecrets_AreCutOut(t *testing.T) {
	for reply, want := range map[string]string{
		"550 <ada@example.org> unknown":               "550 <…> unknown",
		"550 ada@example.org: unknown,\r\n try again": "550 … unknown, try again",
		"554 314159 in the text":                      "554 … in the text",
		strings.Repeat("é", 150):                      strings.Repeat("é", 100),
	} {
		if got := tidy(reply, []string{"314159"}); got != want {
			t.Errorf("%q: %q, want %q", reply, got, want)
		}
	}
}

func TestUnnamed_TheNameBeforeTheAt_IsCutOutWhereItStandsAlone(t *testing.T) {
	for _, row := range []struct{ words, address, want string }{
		{"5.1.1 No such user Ada.King here", "ada.king@example.org", "5.1.1 No such user … here"},
		{"ada ada 'ada' ada", "ada@example.org", "… … '…' …"},
		{"see help?to=ada%40example.org", "ada@example.org", "see help?to=…%40example.org"},
		{"adamant", "ada@example.org", "adamant"},
		{"5.7.1 over 5 of them", "5@example.org", "5.7.1 over … of them"},
		{"nobody", "", "nobody"},
	} {
		if got := unnamed(row.words, row.address); got != row.want {
			t.Errorf("%q to %q: %q, want %q", row.words, row.address, got, row.want)
		}
	}
}

func TestJudge_EachLineOfTheTable(t *testing.T) {
	all := []Stage{StageConnect, StageMail, StageRcpt, StageData, StageContent}
	before, after := all[:1], all[2:]
	for line, row := range map[string]struct {
		stages []Stage
		codes  []int
		want   verdict
	}{
		"421, 454":                             {all, []int{421, 454}, ill},
		"5yz at MAIL":                          {all[1:2], []int{500, 503, 530, 550, 554}, misconfigured},
		"535":                                  {all, []int{535}, misconfigured},
		"4yz at MAIL, RCPT or DATA":            {all[1:], []int{400, 450, 451, 452, 455}, later},
		"4yz before MAIL":                      {before, []int{400, 450, 451, 452}, ill},
		"5yz before MAIL":                      {before, []int{502, 504, 530, 534, 550, 554}, misconfigured},
		"5yz at RCPT or DATA":                  {after, []int{500, 550, 551, 552, 553, 554}, refused},
		"2yz in the end":                       {all[4:], []int{250, 251}, accepted},
		"no answer of SMTP's before MAIL":      {before, []int{100, 250, 354, 999}, ill},
		"no answer of SMTP's, not accepted":    {all[1:4], []int{100, 250, 354, 999}, later},
		"no answer of SMTP's, after the whole": {all[4:], []int{100, 354, 999}, unanswered},
	} {
		t.Run(line, func(t *testing.T) {
			for _, stage := range row.stages {
				for _, code := range row.codes {
					if got := judge(stage, code); got != row.want {
						t.Errorf("%d at %s: %v, want %v", code, stage, got, row.want)
					}
				}
			}
		})
	}
}

func TestJudgeOpening_WhatKeepsAConnectionFromBeingOpened(t *testing.T) {
	for line, row := range map[string]struct {
		err  error
		want verdict
	}{
		"connection refused": {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, ill},
		"DNS":                {&net.DNSError{Err: "no such host", Name: "relay.test", IsNotFound: true}, ill},
		"cut":                {io.EOF, ill},
		"no SMTP":            {errEndless, ill},
		"no STARTTLS":        {errNoSTARTTLS, misconfigured},
		"no AUTH":            {errNoAUTH, misconfigured},
		"certificate":        {x509.HostnameError{Certificate: new(x509.Certificate), Host: "relay.test"}, misconfigured},
	} {
		if out := judgeOpening(fmt.Errorf("open: %w", row.err)); out.verdict != row.want || out.stage != StageConnect {
			t.Errorf("%s: %v at %s, want %v", line, out.verdict, out.stage, row.want)
		}
	}
}

func TestEnded_SaysWhyThereWasNoAnswer_WithoutAddresses(t *testing.T) {
	for want, err := range map[string]error{
		"the relay closed the connection":            io.EOF,
		"start TLS: the relay closed the connection": fmt.Errorf("start TLS: %w", io.ErrUnexpectedEOF),
		"no answer in time":                          &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{Port: 25}, Err: os.ErrDeadlineExceeded},
		"TLS: no answer in time":                     fmt.Errorf("TLS: %w", context.DeadlineExceeded),
		"ended by us before an answer":               &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{Port: 25}, Err: net.ErrClosed},
		errNoAUTH.Error():                            errNoAUTH,
	} {
		if got := ended(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
