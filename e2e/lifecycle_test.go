package e2e

// How the one process starts and ends, as a newcomer meets it: no settings but the addresses.

import (
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/topics"
)

const startWithin = 3 * time.Second // issue: ready in under 3 s

func TestRun_IsReadyWithin3Seconds_AndEndsCleanlyOnCtrlC(t *testing.T) {
	path := shippedBinary(t)
	var quickest time.Duration
	for range 3 { // other tests may keep the machine busy: one start has to be quick enough
		began := time.Now()
		p := newProcess(t, nil, "run")
		p.path = path
		p.start(t).awaitReady(t)
		quickest = time.Since(began)
		p.stop(t, syscall.SIGINT)
		if quickest <= startWithin {
			return
		}
	}
	t.Errorf("ready after %s", quickest)
}

// A conversation that hangs must not hold up the end, and what may have been sent must be told.
func TestStop_WhileTheRelayIsSilent_IsCleanAndInTime_AndTheMailIsUncertain(t *testing.T) {
	mails, p := newMailbox(t), newPerson(0)
	relay := newSilentRelay(t, mails, p.address)
	s := prepare(t, mails, nil)
	s.start(t)
	check(t, p.registers(t.Context(), s))
	select {
	case <-relay.heard:
	case <-time.After(mailWithin):
		t.Fatal("the relay heard of no mail")
	}
	s.stop(t)
	s.start(t) // with the embedded broker, that is where the records are
	var states []string
	for _, r := range of(p.address, s.read(t, topics.MailDeliveries)) {
		var d topics.MailDelivery
		check(t, json.Unmarshal(r.Value, &d))
		if d.By == "sender" {
			states = append(states, d.State)
		}
	}
	if !slices.Equal(states, []string{"uncertain"}) {
		t.Errorf("the sender said %v of the mail, want uncertain", states)
	}
}

func TestRun_WithARealKafkaAndRelay_UsesThem(t *testing.T) {
	onRealKafka(t)
	mails := newMailbox(t)
	mails.open(t)
	p := newProcess(t, settings(mails, nil), "run").start(t).awaitReady(t)
	check(t, newPerson(0).proves(t.Context(), &system{apis: []*process{p}, mails: mails}))
}

func TestRun_PrintsThreeLines_ThatRegisterShowTheMailAndVerify(t *testing.T) {
	needTool(t, "curl")
	p := newProcess(t, nil, "run").start(t).awaitReady(t)
	var lines []string
	if !eventually(t.Context(), readyWithin, func() bool {
		lines = slices.DeleteFunc(strings.Split(p.log.String(), "\n"), func(line string) bool { return !strings.Contains(line, "curl ") })
		return len(lines) == 3
	}) {
		t.Fatalf("the lines with curl are %q", lines)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(lines, "\n")).Output()
	check(t, err)
	if !strings.Contains(string(out), `"status":"verified"`) {
		t.Errorf("the last line says %s", out)
	}
}

func TestRun_WithATakenPort_NamesTheSettingInOneLine(t *testing.T) {
	for _, setting := range []string{"HTTP_ADDR", "INTERNAL_ADDR", "EMBEDDED_KAFKA_ADDR", "EMBEDDED_SMTP_ADDR"} {
		t.Run(setting, func(t *testing.T) {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			defer taken.Close()
			p := newProcess(t, map[string]string{setting: taken.Addr().String()}, "run").start(t)
			exitCode, output := p.end(t)
			lines := slices.DeleteFunc(strings.Split(output, "\n"), func(line string) bool { return !strings.Contains(line, setting) })
			if exitCode == 0 || len(lines) != 1 || !strings.Contains(lines[0], taken.Addr().String()) {
				t.Errorf("exit code %d, and it said:\n%s", exitCode, output)
			}
		})
	}
}

func TestRun_WithoutSettings_ShowsTheMailInItsInbox(t *testing.T) {
	p := newProcess(t, nil, "run").start(t).awaitReady(t)
	ctx := t.Context()
	s := &system{apis: []*process{p}}
	ada := newPerson(0)
	check(t, ada.registers(ctx, s))
	var messages []struct {
		ID      string   `json:"id"`
		To      []string `json:"to"`
		Subject string   `json:"subject"`
		Text    string   `json:"text"`
		HTML    string   `json:"html"`
	}
	if !eventually(ctx, mailWithin, func() bool {
		status, body := get(ctx, p.internal("/inbox/messages"))
		return status == http.StatusOK && json.Unmarshal([]byte(body), &messages) == nil && len(messages) > 0
	}) {
		t.Fatal("the inbox stays empty")
	}
	m := messages[0]
	if m.ID == "" || len(m.To) != 1 || !strings.Contains(m.To[0], ada.address) || m.Subject != verifyAccount || m.HTML == "" {
		t.Errorf("the inbox shows %+v", m)
	}
	if a := ada.verify(ctx, s, sixDigits.FindString(m.Text)); a.status != http.StatusOK {
		t.Errorf("verify: %d %v", a.status, a.body)
	}
}
