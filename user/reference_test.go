package user_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/user"
)

func TestReference_IsThreeCharactersThatLookLikeNoOthers(t *testing.T) {
	seen := map[string]bool{}
	for i := range 1000 {
		id := fmt.Sprint("v", i)
		r := user.Reference(id)
		if len(r) != 3 || strings.Trim(r, "23456789BCDFGHJKMNPQRSTVWXZ") != "" || user.Reference(id) != r {
			t.Fatalf("%q", r)
		}
		seen[r] = true
	}
	if len(seen) < 900 { // of 19,683
		t.Errorf("%d references of 1,000 verifications", len(seen))
	}
}
