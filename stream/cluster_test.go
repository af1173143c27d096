package stream

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

func dialWith(t *testing.T, cfg Config) error {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	cfg.Instance, cfg.Dir, cfg.Hasher, cfg.Log = "a", t.TempDir(), newHasher, log
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	c, err := Dial(ctx, cfg)
	if err == nil {
		c.Close()
	}
	return err
}

func TestDial_NoBrokerAnswers_NamesTheSettingInOneLine(t *testing.T) {
	err := dialWith(t, Config{Brokers: []string{"127.0.0.1:1"}})
	if err == nil || !strings.Contains(err.Error(), "KAFKA_BROKER_LIST=127.0.0.1:1") ||
		!strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("err = %v", err)
	}
}

func TestDial_WrongWord_NamesTheSetting(t *testing.T) {
	if err := dialWith(t, Config{Compression: "brotli"}); err == nil || !strings.Contains(err.Error(), "KAFKA_COMPRESSION") {
		t.Errorf("err = %v", err)
	}
	if err := dialWith(t, Config{Guarantee: "twice"}); err == nil || !strings.Contains(err.Error(), "PROCESSING_GUARANTEE") {
		t.Errorf("err = %v", err)
	}
}

func TestDial_BrokersBeforeKafka4_AreRefusedForExactlyOnceOnly(t *testing.T) {
	old, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(kversion.V3_9_0()))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	err = dialWith(t, Config{Brokers: old.ListenAddrs()})
	if err == nil || !strings.Contains(err.Error(), "PROCESSING_GUARANTEE=exactly_once needs Kafka 4.0") {
		t.Errorf("err = %v", err)
	}
	if err := dialWith(t, Config{Brokers: old.ListenAddrs(), Guarantee: AtLeastOnce}); err != nil {
		t.Errorf("err = %v", err)
	}
}
