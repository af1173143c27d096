package api

import (
	"context"

	"github.com/sirupsen/logrus"

	"countersign/topology"
)

// Instances knows who runs.
type Instances interface {
	// Topology returns who runs and what each owns, or that it is not known yet.
	Topology() (topology.Topology, error)
}

// overview answers GET /topology.
type overview struct {
	instances Instances
	log       logrus.FieldLogger
}

func (o *overview) topology(context.Context, *struct{}) (*topology.Topology, error) {
	t, err := o.instances.Topology()
	if err != nil {
		return nil, unanswered(o.log, "read instances", err)
	}
	return &t, nil
}
