package stream

// What is held here:
//   - a topic that was deleted and made again is another topic, whatever its name: nothing that was kept of the old one, no
//     row and no offset, is used with the new one;
//   - a committed offset says for which topic it is, in the commit's metadata. One that belongs to another is passed over:
//     the group begins at the new topic's start. One that does not say so (of another client) is taken;
//   - who runs notices it within some lookIntervals, also while nothing flows: its life ends, and the next begins with the
//     new topic.

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// idMark begins the metadata of an offset that is committed here; the topic's id follows.
const idMark = "topic_id="

// topicIDs are what Kafka calls this creation of each topic. It fails when one is missing, and when the brokers do not
// answer within askTimeout.
func (c *Cluster) topicIDs(ctx context.Context, topics ...string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	details, err := c.adm.ListTopics(ctx, topics...)
	if err = errors.Join(err, details.Error()); err != nil {
		return nil, fmt.Errorf("ask for the ids of topics %s: %w", strings.Join(topics, ", "), err)
	}
	ids := map[string]string{}
	for topic, d := range details {
		ids[topic] = base64.RawURLEncoding.EncodeToString(d.ID[:])
	}
	return ids, nil
}

// kept are the topics of which a graph's processor keeps rows or offsets.
func kept(graph *goka.GroupGraph) []string {
	topics := slices.Concat(graph.InputStreams(), graph.JointTables(), graph.LookupTables()).Topics()
	for _, edge := range []goka.Edge{graph.LoopStream(), graph.GroupTable()} {
		if edge != nil {
			topics = append(topics, edge.Topic())
		}
	}
	return topics
}

// watch tells trouble when one of the topics is made anew. It returns then, or when ctx ends.
func (c *Cluster) watch(ctx context.Context, topics []string, trouble func(error)) {
	var first map[string]string
	for {
		now, err := c.topicIDs(ctx, topics...) // who reads or writes them meets an error, too
		for topic, id := range first {
			if err == nil && now[topic] != id {
				trouble(fmt.Errorf("topic %s was deleted and made again", topic))
				return
			}
		}
		if first == nil {
			first = now
		}
		if !sleep(ctx, lookInterval) {
			return
		}
	}
}

// own passes over committed offsets that belong to former topics. It returns the metadata for the next ones, by topic.
func (m *member) own(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]string, error) {
	if len(offsets) == 0 {
		return nil, nil
	}
	c := m.life.c
	marks, err := c.topicIDs(ctx, slices.Collect(maps.Keys(offsets))...)
	if err != nil {
		return nil, err
	}
	committed, err := c.adm.FetchOffsets(ctx, m.life.group)
	if err != nil {
		return nil, fmt.Errorf("ask of which topics the committed offsets are: %w", err)
	}
	for topic, of := range offsets {
		marks[topic] = idMark + marks[topic]
		former := false
		for partition := range of {
			at, _ := committed.Lookup(topic, partition)
			if strings.HasPrefix(at.Metadata, idMark) && at.Metadata != marks[topic] {
				of[partition] = kgo.NewOffset().AtStart()
				former = true
			}
		}
		if former {
			m.life.log.WithField("topic", topic).Warn("topic was deleted and made again, the group begins at its start")
		}
	}
	return marks, nil
}

// marked has a commit say of which topics its offsets are.
func marked(ctx context.Context, marks map[string]string) context.Context {
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for _, t := range req.Topics {
			for i := range t.Partitions {
				t.Partitions[i].Metadata = kmsg.StringPtr(marks[t.Topic])
			}
		}
		return nil
	})
}
