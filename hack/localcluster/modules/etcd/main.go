// Etcd, built by the name that everybody knows it by: a program of a module's root is named after the module's folder.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
