# SPDX-License-Identifier: Apache-2.0
# cmake -P cmake/umbrella.cmake             writes include/lowbit/lowbit.hpp anew
# cmake -DCHECK=ON -P cmake/umbrella.cmake  fails unless it is what would be written

set(include ${CMAKE_CURRENT_LIST_DIR}/../include)
set(text "// SPDX-License-Identifier: Apache-2.0\n/// @file\n/// All of lowbit. Each header also stands alone.\n")
string(APPEND text "/// (Written by cmake/umbrella.cmake, which a test repeats: a header that is missing here fails it.)\n#pragma once\n")
foreach(layer IN ITEMS core formats kernels calibrate schemes refine train storage products model)
    file(GLOB headers RELATIVE ${include} ${include}/lowbit/${layer}/*.hpp)
    list(FILTER headers EXCLUDE REGEX "_json\\.hpp$") # optional: they need nlohmann-json
    if(headers)
        list(SORT headers)
        list(TRANSFORM headers REPLACE "(.+)" "#include <\\1>")
        list(JOIN headers "\n" lines)
        string(APPEND text "\n${lines}\n")
    endif()
endforeach()
string(APPEND text "\n#include <lowbit/fwd.hpp>\n#include <lowbit/version.hpp>\n")

if(CHECK)
    file(READ ${include}/lowbit/lowbit.hpp present)
    if(NOT present STREQUAL text)
        message(FATAL_ERROR "include/lowbit/lowbit.hpp is out of date; run: cmake -P cmake/umbrella.cmake")
    endif()
else()
    file(WRITE ${include}/lowbit/lowbit.hpp "${text}")
endif()
