package e2e

// What can be known of an address, each class made by the commands that lead there, at the times that take it there:
//   - they are put on their topic with old times, which the embedded broker keeps, and a real one where it is told to;
//   - a stranger registered each address first, so there is a handle from before; of an unknown one its registration
//     was lost.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
	"countersign/user"
)

// history is what was asked about one address.
type history struct {
	class   string
	address string
	handle  string // of the stranger's registration
	told    []*kgo.Record

	secret user.Secret
	began  time.Time
	last   user.Command // registration
}

// unknown is the class of an address that nobody has asked about.
const unknown = "unknown"

// classes are what is known of an address, by how it came about.
var classes = map[string]func(*history){
	unknown:   func(h *history) { h.told = nil },
	"pending": func(*history) {},
	"limited": func(h *history) {
		for minute := range 4 { // with the stranger's five in the hour
			h.registers(h.after(time.Duration(minute+1) * time.Minute))
		}
	},
	"expired": func(h *history) { h.shift(-15 * time.Minute) },
	"locked": func(h *history) {
		h.registers(h.after(time.Minute))
		for range 10 {
			h.guesses(h.after(2*time.Minute), "no code")
		}
	},
	"verified": func(h *history) {
		h.registers(h.after(time.Minute))
		h.guesses(h.after(2*time.Minute), h.secret.Code(h.address, h.last.VerificationID, h.last.Nonce))
	},
	"erased": func(h *history) {
		h.guesses(h.after(time.Minute), h.secret.Code(h.address, h.last.VerificationID, h.last.Nonce))
		h.tells(h.after(2*time.Minute), user.Command{Type: user.Erase})
	},
	"disputed": func(h *history) {
		token := h.secret.DisputeToken(h.address, h.last.VerificationID, h.last.Nonce)
		h.tells(h.after(time.Minute), user.Command{
			Type: user.Dispute, VerificationID: h.last.VerificationID, TokenDigest: user.TokenDigest(token),
		})
	},
}

// newHistory makes up an address of a class, about which nothing has been told yet.
func newHistory(t *testing.T, class string) *history {
	t.Helper()
	all, err := user.ParseSecrets(secrets)
	check(t, err)
	h := &history{class: class, address: newPerson(0).address, secret: all.First(), began: time.Now().Add(-5 * time.Minute)}
	h.registers(h.began)
	first := user.Handle{VerificationID: h.last.VerificationID, Email: h.address}
	classes[class](h)
	first.OpenedAt = h.began
	h.handle = h.secret.Seal(first, randomBytes(user.HandleNonceSize))
	return h
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (h *history) after(d time.Duration) time.Time { return h.began.Add(d) }

// shift moves all that was told.
func (h *history) shift(d time.Duration) {
	h.began = h.began.Add(d)
	for _, r := range h.told {
		r.Timestamp = r.Timestamp.Add(d)
	}
}

func (h *history) registers(at time.Time) {
	c := user.Command{Type: user.Register, Email: h.address, VerificationID: uuid.NewString(), FirstName: "Ada"}
	c.SetCode(h.secret, randomBytes(user.NonceSize))
	h.last = c
	h.tells(at, c)
}

// guesses the code of the last registration.
func (h *history) guesses(at time.Time, code string) {
	id := h.last.VerificationID
	h.tells(at, user.Command{Type: user.Verify, VerificationID: id, Answer: h.secret.Answer(h.address, id, code)})
}

// tells a command, with limits that ten wrong guesses reach.
func (h *history) tells(at time.Time, c user.Command) {
	c.ID, c.Email, c.IssuedAt = uuid.NewString(), h.address, at
	c.Policy = user.Policy{Tries: 10, FailuresBeforeLock: 10}
	value, err := json.Marshal(c)
	if err != nil {
		panic(err) // made of nothing but texts, bytes and times
	}
	h.told = append(h.told, &kgo.Record{Topic: topics.UserCommands, Key: []byte(h.address), Value: value, Timestamp: at})
}

// keepsTimes has the commands' topic keep the times that records come with, until the test ends.
func (s *system) keepsTimes(t *testing.T) {
	t.Helper()
	if brokerList() == "" {
		return // the embedded broker always does
	}
	client := s.connect(t)
	t.Cleanup(client.Close)
	clock := func(ctx context.Context, from string) {
		_, err := kadm.NewClient(client).AlterTopicConfigs(ctx, []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "message.timestamp.type", Value: &from},
		}, topics.UserCommands)
		check(t, err)
	}
	clock(t.Context(), "CreateTime")
	t.Cleanup(func() { clock(context.Background(), "LogAppendTime") })
}

// live puts histories on the commands' topic and waits until every API node knows them.
func (s *system) live(t *testing.T, histories ...*history) {
	t.Helper()
	client := s.connect(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	defer client.Close()
	var told []*kgo.Record
	for _, h := range histories {
		told = append(told, h.told...)
	}
	check(t, client.ProduceSync(t.Context(), told...).FirstErr())
	// Each partition is read in order: who knows the last of it knows all.
	n := int32(len(s.partitions(t, topics.UserCommands)))
	for partition := range n {
		last := newHistory(t, "pending")
		for topics.Partition(last.address, n) != partition {
			last = newHistory(t, "pending")
		}
		check(t, client.ProduceSync(t.Context(), last.told...).FirstErr())
		for _, node := range s.apis {
			if !eventually(t.Context(), answerWithin, func() bool {
				status, _ := get(t.Context(), node.internal("/users/"+url.PathEscape(last.address)))
				return status == http.StatusOK
			}) {
				t.Fatalf("%s does not know the last of partition %d", node.name, partition)
			}
		}
	}
}
