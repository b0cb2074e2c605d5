// Command coredns is CoreDNS with only the plugins that the testbed's cluster
// DNS uses.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func init() {
	// The order in which a query passes through the plugins. Unlike in the
	// usual CoreDNS, template comes last: here it answers what no other did.
	dnsserver.Directives = []string{
		"health", "ready", "prometheus", "errors", "log",
		"cache", "loadbalance", "kubernetes", "template",
	}
}

func main() { coremain.Run() }
