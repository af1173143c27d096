// Rules of a recall, by which a conversation ends from outside:
//   - before the content leaves, it ends at once: the mail was certainly not accepted, and whoever owns it next sends it;
//   - with the content on its way it may wait for the relay's answer until it is cut: nobody would know whether the mail was
//     accepted, and it would be sent twice.

package mail

import "sync"

// recall is that of one mail's conversations. The zero recall permits them.
type recall struct {
	mu sync.Mutex
	// end ends the one that is under way; nil: none is.
	end func()
	// off means that none may begin any more, handed that the content may have left, ended that end was called.
	off, handed, ended bool
}

// begins tells of a conversation, and how it is ended. False: it must not begin.
func (r *recall) begins(end func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return false
	}
	r.end, r.handed, r.ended = end, false, false
	return true
}

// hands tells that the content leaves. False: it must not.
func (r *recall) hands() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handed = !r.off
	return r.handed
}

// over tells that the conversation has ended by itself, and returns whether it did.
func (r *recall) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = nil
	return !r.ended
}

// isOff says whether the mail was called off.
func (r *recall) isOff() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off
}

// callOff has no conversation begin any more, and ends one whose content has not left.
func (r *recall) callOff() { r.stop(false) }

// cut is callOff, whatever has left.
func (r *recall) cut() { r.stop(true) }

func (r *recall) stop(handed bool) {
	r.mu.Lock()
	r.off = true
	end := r.end
	if r.handed && !handed {
		end = nil
	}
	r.ended = r.ended || end != nil
	r.mu.Unlock()
	if end != nil {
		end()
	}
}
