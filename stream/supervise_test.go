package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
)

func TestSupervise_LivesThatKeepEnding_AreEverRarerAndWarnedOfOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := test.NewNullLogger()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		lives, ended := 0, 0
		err := supervise(ctx, log, func(context.Context) error {
			lives++
			return errors.New("no broker")
		}, func(string) { ended++ })
		if err != nil {
			t.Errorf("err = %v", err)
		}
		if lives < 200 || lives > 1000 { // every 10 s, give or take the half, after the first ones
			t.Errorf("%d lives in an hour", lives)
		}
		if n := len(said.AllEntries()); n < 30 || n > 61 {
			t.Errorf("%d lines in an hour", n)
		}
		if ended < lives-1 {
			t.Errorf("%d of %d ends were told", ended, lives)
		}
	})
}

func TestSupervise_AnotherReason_IsWarnedOfAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, said := test.NewNullLogger()
		ctx, cancel := context.WithCancel(t.Context())
		lives := 0
		err := supervise(ctx, log, func(context.Context) error {
			if lives++; lives == 6 {
				cancel()
			}
			return fmt.Errorf("reason %d", lives/2)
		}, func(string) {})
		if err != nil {
			t.Errorf("err = %v", err)
		}
		var reasons []any
		for _, entry := range said.AllEntries() {
			if entry.Level == logrus.WarnLevel {
				reasons = append(reasons, entry.Data["error"])
			}
		}
		if have := fmt.Sprint(reasons); have != "[reason 0 reason 1 reason 2 reason 3]" {
			t.Errorf("warned of %s", have)
		}
	})
}

func TestSupervise_AfterALongLife_TheNextBeginsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _ := test.NewNullLogger()
		ctx, cancel := context.WithCancel(t.Context())
		lives := 0
		var ended time.Time
		err := supervise(ctx, log, func(context.Context) error {
			switch lives++; lives {
			case 20:
				time.Sleep(ranWell + time.Second)
				ended = time.Now()
			case 21:
				if pause := time.Since(ended); pause > time.Second {
					t.Errorf("it began after %v", pause)
				}
				cancel()
			}
			return errors.New("no broker")
		}, func(string) {})
		if err != nil {
			t.Errorf("err = %v", err)
		}
	})
}

func TestSupervise_WhatNoOtherLifeMends_Ends(t *testing.T) {
	log, _ := test.NewNullLogger()
	lives := 0
	err := supervise(t.Context(), log, func(context.Context) error {
		lives++
		return fmt.Errorf("a life: %w", errDir)
	}, func(string) {})
	if err == nil || lives != 1 {
		t.Errorf("%d lives: %v", lives, err)
	}
}
