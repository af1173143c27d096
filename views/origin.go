package views

import (
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"countersign/topics"
)

// genuine passes over the records that are not of the service that writes the topic: whatever they say, nobody believes it.
func genuine(update goka.UpdateCallback) goka.UpdateCallback {
	return func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
		if topics.CheckOrigin(string(ctx.Topic()), ctx.Headers()) != nil {
			return nil
		}
		return update(ctx, s, key, value)
	}
}
