package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// shop is a group on guarded brokers, and a user who may do what its processor, a view of it and an emitter need.
type shop struct {
	*guarded
	admin, user *Cluster
	group       string
	open        []access
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{guarded: newGuarded(t), group: fmt.Sprintf("shop-%d", time.Now().UnixNano())}
	var err error
	if s.admin, err = s.dial(func(*Security) {}); err != nil {
		t.Fatal(err)
	}
	topics := []Topic{
		{Name: s.group + "-in", Partitions: 2},
		{Name: s.group + "-out", Partitions: 2},
		{s.group + "-table", 2, map[string]string{"cleanup.policy": "compact"}},
	}
	if err := s.admin.Ensure(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
	user := kadm.UpsertSCRAM{User: s.group, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: password}
	if made, err := s.admin.adm.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{user}); err != nil || made.Error() != nil {
		t.Fatal(err, made.Error())
	}
	t.Cleanup(func() {
		for _, topic := range topics {
			if _, err := s.admin.adm.DeleteTopic(context.Background(), topic.Name); err != nil {
				t.Log(err)
			}
		}
	})
	s.open = slices.Concat(
		topicAccess("Read", s.group+"-in", s.group+"-table"), topicAccess("Write", s.group+"-out", s.group+"-table", s.group+"-in"),
		topicAccess("DescribeConfigs", s.group+"-table", s.group+"-out"),
		[]access{{"Read", "group", s.group}, {"Write", "transactional-id", s.group + "-"}})
	for _, a := range s.open {
		s.grant(a)
	}
	// The embedded broker asks for no permission on a group that is not there. A new broker has yet to find its coordinators.
	nothing := kadm.OffsetsFromRecords(kgo.Record{Topic: s.group + "-in", Offset: -1})
	(&world{t: t}).await("the group is there", func() bool { return s.admin.adm.CommitAllOffsets(t.Context(), s.group, nothing) == nil })
	s.user = s.enter()
	return s
}

// enter connects as the user.
func (s *shop) enter() *Cluster {
	s.t.Helper()
	c, err := s.dial(func(to *Security) { to.Mechanism, to.Username = "SCRAM-SHA-256", s.group })
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// list is an entry of the access list.
func (s *shop) list(a access) *kadm.ACLBuilder {
	operation, err := kmsg.ParseACLOperation(a.operation)
	if err != nil {
		s.t.Fatal(err)
	}
	b := kadm.NewACLs().Allow("User:" + s.group).AllowHosts().Operations(operation).ResourcePatternType(kadm.ACLPatternLiteral)
	switch a.resource {
	case "topic":
		return b.Topics(a.name)
	case "group":
		return b.Groups(a.name)
	}
	return b.TransactionalIDs(a.name).ResourcePatternType(kadm.ACLPatternPrefixed)
}

func (s *shop) grant(a access) {
	s.t.Helper()
	if made, err := s.admin.adm.CreateACLs(s.t.Context(), s.list(a)); err != nil || made[0].Err != nil {
		s.t.Fatal(err, made)
	}
	s.awaitEntries(a, 1)
}

func (s *shop) revoke(a access) {
	s.t.Helper()
	if gone, err := s.admin.adm.DeleteACLs(s.t.Context(), s.list(a)); err != nil || len(gone) != 1 || len(gone[0].Deleted) != 1 {
		s.t.Fatal(err, gone)
	}
	s.awaitEntries(a, 0)
}

// awaitEntries waits until the broker goes by the list as it is: the controller answered, the broker hears of it later.
func (s *shop) awaitEntries(a access, want int) {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		described, err := s.admin.adm.DescribeACLs(s.t.Context(), s.list(a))
		if err == nil && described[0].Err == nil && len(described[0].Described) == want {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the broker does not have %d entries like %v: %v, %v", want, a, described, err)
		}
	}
}

// processor counts what comes in.
func (s *shop) processor(c *Cluster) *Processor {
	s.t.Helper()
	w := &world{group: s.group, in: s.group + "-in", out: s.group + "-out"}
	p, err := c.NewProcessor(ProcessorConfig{Graph: w.counting()})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// command is what the missing permission is named by.
func (s *shop) command(a access) string {
	if a.resource == "transactional-id" {
		a.name += " --resource-pattern-type prefixed"
	}
	return fmt.Sprintf("--add --allow-principal 'User:%s' --operation %s --%s %s", s.group, a.operation, a.resource, a.name)
}

func TestAllowed_APermissionIsMissing_IsNamedByTheCommandThatGivesIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.processor(s.user)
	if _, err := s.user.NewView(ViewConfig{Topic: s.group + "-table", Codec: intCodec{}}); err != nil {
		t.Fatal(err)
	}
	e, err := s.user.NewEmitter(EmitterConfig{Topics: []string{s.group + "-in"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := s.user.Allowed(t.Context()); err != nil {
		t.Fatalf("with all of them: %v", err)
	}
	for _, a := range s.open {
		if a.operation == "DescribeConfigs" {
			continue
		}
		s.revoke(a)
		err := s.user.Allowed(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), s.command(a)) {
			t.Errorf("without %v: %v", a, err)
		}
		s.grant(a)
	}
}

func TestProcessor_WithNoMoreThanItNeeds_Processes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.processor(s.user)
	r := start(t, p.Run)
	defer r.stop()
	e, err := s.user.NewEmitter(EmitterConfig{Topics: []string{s.group + "-in"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	v, err := s.user.NewView(ViewConfig{Topic: s.group + "-table", Codec: intCodec{}})
	if err != nil {
		t.Fatal(err)
	}
	defer start(t, v.Run).stop()
	w := &world{t: t}
	w.await("a record is written", func() bool { return e.Emit(t.Context(), s.group+"-in", "k", []byte("1"), nil) == nil })
	w.await("the view counts it", func() bool { n, err := v.Get("k"); return err == nil && n != nil })
}

func TestProcessor_APermissionIsTakenAway_HealthNamesIt_AndItGoesOnWhenItIsGiven(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.processor(s.user)
	defer start(t, p.Run).stop()
	w := &world{t: t}
	w.await("the processor is ready", func() bool { return p.Health().Ready })
	for _, a := range []access{
		{"Read", "topic", p.group + "-in"},
		{"Write", "topic", p.group + "-out"},
		{"Write", "topic", p.table},
		{"Read", "group", p.group},
		{"Write", "transactional-id", p.group + "-"},
	} {
		s.revoke(a)
		w.await(fmt.Sprintf("health names %v", a), func() bool {
			s.admin.send(t, s.group+"-in")
			return strings.Contains(p.Health().Reason, s.command(a))
		})
		s.grant(a)
		w.await("the processor is ready again", func() bool { h := p.Health(); return h.Ready && h.Reason == "" })
	}
}

func TestProcessor_MayNotReadItsTable_HealthNamesIt_AndItGoesOnWhenItMay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.processor(s.user)
	table := access{"Read", "topic", p.table}
	s.admin.send(t, p.table) // something to recover
	s.revoke(table)
	defer start(t, p.Run).stop()
	w := &world{t: t}
	w.await("health names it", func() bool { return strings.Contains(p.Health().Reason, s.command(table)) })
	s.grant(table)
	w.await("the processor is ready", func() bool { h := p.Health(); return h.Ready && h.Reason == "" })
}

func TestView_APermissionIsTakenAway_HealthNamesIt_AndItGoesOnWhenItIsGiven(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	table := s.group + "-table"
	v, err := s.user.NewView(ViewConfig{Topic: table, Codec: intCodec{}})
	if err != nil {
		t.Fatal(err)
	}
	defer start(t, v.Run).stop()
	w := &world{t: t}
	w.await("the view is ready", func() bool { return v.Health().Ready })
	read := access{"Read", "topic", table}
	s.revoke(read)
	w.await("health names it", func() bool {
		s.admin.send(t, table)
		return strings.Contains(v.Health().Reason, s.command(read))
	})
	s.grant(read)
	w.await("the view is ready again", func() bool { h := v.Health(); return h.Ready && h.Reason == "" && h.Behind == 0 })
}

func TestEmitter_APermissionIsTakenAway_HealthNamesItUntilItIsGiven(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.group + "-in"
	e, err := s.user.NewEmitter(EmitterConfig{Topics: []string{in}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	write := access{"Write", "topic", in}
	s.revoke(write)
	w := &world{t: t}
	w.await("health names it", func() bool {
		_ = e.Emit(t.Context(), in, "k", nil, nil)
		return strings.Contains(e.Health().Reason, s.command(write)) && !e.Health().Ready
	})
	s.grant(write)
	w.await("the emitter is ready again", func() bool { h := e.Health(); return h.Ready && h.Reason == "" })
	w.await("a record is written", func() bool { return e.Emit(t.Context(), in, "k", nil, nil) == nil })
}

// send writes a record.
func (c *Cluster) send(t *testing.T, topic string) {
	t.Helper()
	if err := c.cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
