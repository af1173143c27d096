// Rules of the store:
//   - a mail is one line of JSON, appended and synced before it is acknowledged; mails that come together share a sync;
//   - a file holds as many mails as are kept; only the newest two files stay, so the newest mails are always there;
//   - a line cut off by a crash was never acknowledged and is cut away.

package inbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// record is a mail as it came.
type record struct {
	ID         int64     `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Raw        []byte    `json:"raw"`
}

// arrival is a record on its way to the disk.
type arrival struct {
	record record
	kept   chan error
}

var errClosed = errors.New("the inbox is closed")

type store struct {
	dir      string
	keep     int
	arrivals chan arrival
	closed   chan struct{}

	// The next three belong to openStore and then to run.
	file   *os.File
	inFile int
	last   int64

	mu sync.RWMutex
	// messages are the newest, oldest first.
	messages []Message
}

func openStore(dir string, keep int) (*store, error) {
	s := &store{dir: dir, keep: keep, arrivals: make(chan arrival), closed: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if err := s.read(name); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(name), err)
		}
	}
	if len(files) == 0 {
		return s, s.rotate()
	}
	s.file, err = os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	return s, err
}

// files are the store's, oldest first.
func (s *store) files() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "mails-*.jsonl"))
	slices.Sort(files)
	return files, err
}

// read takes in one file and cuts away what is not whole.
func (s *store) read(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	s.inFile = 0
	var whole int64
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return f.Truncate(whole)
		}
		if err != nil {
			return err
		}
		var r record
		if json.Unmarshal(line, &r) != nil {
			return f.Truncate(whole)
		}
		whole += int64(len(line))
		s.inFile++
		s.last = r.ID
		s.show(r)
	}
}

// rotate begins a new file and deletes what is older than the last.
func (s *store) rotate() error {
	files, err := s.files()
	if err != nil {
		return err
	}
	for len(files) > 1 {
		if err := os.Remove(files[0]); err != nil {
			return err
		}
		files = files[1:]
	}
	f, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("mails-%012d.jsonl", s.last+1)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.inFile = f, 0
	return syncDir(s.dir)
}

// syncDir makes a new file's name survive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// add returns once the record is on disk and shown.
func (s *store) add(r record) error {
	a := arrival{record: r, kept: make(chan error, 1)}
	select {
	case s.arrivals <- a:
		return <-a.kept
	case <-s.closed:
		return errClosed
	}
}

// close ends run.
func (s *store) close() { close(s.closed) }

// run writes what arrives, until close.
func (s *store) run() error {
	defer func() { s.file.Close() }()
	for {
		select {
		case first := <-s.arrivals:
			together := []arrival{first}
			for more := true; more; {
				select {
				case next := <-s.arrivals:
					together = append(together, next)
				default:
					more = false
				}
			}
			err := s.write(together)
			for _, a := range together {
				a.kept <- err
			}
		case <-s.closed:
			return nil
		}
	}
}

func (s *store) write(together []arrival) error {
	if s.inFile >= s.keep {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	var lines []byte
	for i := range together {
		s.last++
		together[i].record.ID = s.last
		line, err := json.Marshal(together[i].record)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	_, err := s.file.Write(lines)
	if err = errors.Join(err, s.file.Sync()); err != nil {
		s.inFile = s.keep // Nothing may follow a line that is cut off: the next mail begins a new file.
		return err
	}
	s.inFile += len(together)
	for _, a := range together {
		s.show(a.record)
	}
	return nil
}

// show puts a record among the newest.
func (s *store) show(r record) {
	m := parse(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) >= s.keep {
		s.messages = slices.Delete(s.messages, 0, len(s.messages)-s.keep+1)
	}
	s.messages = append(s.messages, m)
}

// newest returns the latest mails to a recipient, newest first; empty is everybody, 0 is all.
func (s *store) newest(to string, limit int) []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	messages := []Message{} // Never nil: JSON shows an empty list.
	for _, m := range slices.Backward(s.messages) {
		if limit > 0 && len(messages) == limit {
			break
		}
		if to == "" || slices.ContainsFunc(m.To, func(a string) bool { return strings.EqualFold(a, to) }) {
			messages = append(messages, m)
		}
	}
	return messages
}

// find returns the mail with an id.
func (s *store) find(id string) (Message, bool) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return Message{}, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := slices.BinarySearchFunc(s.messages, number, func(m Message, n int64) int { return int(m.number - n) })
	if !found {
		return Message{}, false
	}
	return s.messages[i], true
}
