package views

import (
	"encoding/binary"
	"errors"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
)

// Position is where in its topic a row was last written.
type Position struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// positionSize is the length of what stands in front of a stored row, in bytes.
const positionSize = 4 + 8

var errNoPosition = errors.New("stored row has no position")

// placed stores a row behind its position.
func placed(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	if value == nil {
		return s.Delete(key)
	}
	row := make([]byte, 0, positionSize+len(value))
	row = binary.BigEndian.AppendUint32(row, uint32(ctx.Partition()))
	row = binary.BigEndian.AppendUint64(row, uint64(ctx.Offset()))
	return s.Set(key, append(row, value...))
}

// split takes a stored row apart.
func split(row []byte) (Position, []byte, error) {
	if len(row) < positionSize {
		return Position{}, nil, errNoPosition
	}
	return Position{
		Partition: int32(binary.BigEndian.Uint32(row)),
		Offset:    int64(binary.BigEndian.Uint64(row[4:])),
	}, row[positionSize:], nil
}
