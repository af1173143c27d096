package processors

import (
	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"
)

// Handle is the callback of a rule that makes the next row of a row and a value.
func Handle[Row, Value any](log logrus.FieldLogger, next func(Row, Value) Row) goka.ProcessCallback {
	return handle(log, func(_ place, row Row, value Value) (made change, err error) {
		err = made.set(next(row, value))
		return made, err
	})
}
