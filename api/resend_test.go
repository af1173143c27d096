package api_test

import (
	"net/http"
	"testing"
	"time"
)

func TestResend_AnswersTheSameIdAndTheRestOfTheCodesLife(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want [2]float64 // expires_in, from and to
	}{
		{5 * time.Minute, [2]float64{295, 300}},
		{8 * time.Minute, [2]float64{600, 600}}, // too little is left: a new code
		{time.Hour, [2]float64{600, 600}},
	} {
		s := newSite(t)
		s.set(func(f *fold) { f.now = time.Now().Add(-c.age) })
		id, _ := s.register("ada@example.com")
		s.set(func(f *fold) { f.now = time.Time{} })
		a := s.call("/api/resend", "", map[string]string{"verification_id": id})
		body := a.json(t)
		left := body["expires_in"].(float64)
		if a.status != http.StatusAccepted || body["verification_id"] != id || body["resend_in"] != 60.0 || left < c.want[0] || left > c.want[1] {
			t.Errorf("after %s: %d %s", c.age, a.status, a.body)
		}
	}
}

func TestResend_BeforeTheViewShowsTheRegistration_IsSent(t *testing.T) {
	s := newSite(t)
	s.set(func(f *fold) { f.lost = true })
	id, _ := s.register("ada@example.com")
	a := s.call("/api/resend", "", map[string]string{"verification_id": id})
	if a.status != http.StatusAccepted || a.json(t)["expires_in"] != 600.0 || len(s.sent()) != 2 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}
