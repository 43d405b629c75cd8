#pragma once
#include <librdkafka/rdkafka.h>
// The cluster that the library brings along to be tested against.
#include <librdkafka/rdkafka_mock.h>
