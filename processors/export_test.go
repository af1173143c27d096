package processors

import (
	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/topics"
)

// Handle is the user service's callback of a rule that makes the next row of a row and a value. The registry may be nil.
func Handle[Row, Value any](log logrus.FieldLogger, registry prometheus.Registerer, next func(Row, Value) Row) goka.ProcessCallback {
	letters := newDeadLetters(topics.UserService, log)
	if err := register(registry, letters.written); err != nil {
		panic(err)
	}
	return handle(letters, func(_ place, row Row, value Value) (made change, err error) {
		err = made.set(next(row, value))
		return made, err
	})
}
