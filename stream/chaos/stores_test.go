package chaos

// What is held here:
//   - a local store, of a processor or a view, whenever it is looked at, holds committed rows only;
//   - in the end each partition's last owner has it as it is in the table.

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// viewHeader is what stream puts in front of a view's row: the partition and the offset of its record.
const viewHeader = 4 + 8

// rows reads a store that nobody has open. One that is not there, or not whole, has none.
func rows(t *testing.T, dir string) map[string]Count {
	t.Helper()
	found := map[string]Count{}
	db, err := leveldb.OpenFile(dir, &opt.Options{ErrorIfMissing: true, ReadOnly: true, Strict: opt.StrictAll})
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Logf("store %s: %v", dir, err)
		}
		return found
	}
	defer db.Close()
	it := db.NewIterator(util.BytesPrefix([]byte{'r'}), nil)
	defer it.Release()
	for it.Next() {
		value := it.Value()
		if filepath.Base(filepath.Dir(dir)) == "view" && len(value) > viewHeader {
			value = value[viewHeader:]
		}
		var c Count
		if err := json.Unmarshal(value, &c); err != nil {
			t.Errorf("store %s: %v", dir, err)
		}
		found[string(it.Key()[1:])] = c
	}
	return found
}
