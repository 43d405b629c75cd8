import Kernel
package enum Collector {}
