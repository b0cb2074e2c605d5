# shellcheck shell=bash
# All rooms of the library, for the commands that need most of them.

LIB=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=common.sh
source "$LIB/common.sh"
# shellcheck source=build.sh
source "$LIB/build.sh"
# shellcheck source=processes.sh
source "$LIB/processes.sh"
# shellcheck source=network.sh
source "$LIB/network.sh"
# shellcheck source=pki.sh
source "$LIB/pki.sh"
# shellcheck source=controlplane.sh
source "$LIB/controlplane.sh"
# shellcheck source=images.sh
source "$LIB/images.sh"
# shellcheck source=node.sh
source "$LIB/node.sh"
# shellcheck source=addons.sh
source "$LIB/addons.sh"
# shellcheck source=teardown.sh
source "$LIB/teardown.sh"
