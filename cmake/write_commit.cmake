# Writes a header with the commit that is built, in the root of the sources:
#   cmake -DOUTPUT=FILE -P cmake/write_commit.cmake
# Runs at every build, as commits come between builds; the file is touched only when it changes.
# The environment variable FASTOCR_COMMIT names the commit where the sources are not a checkout.
cmake_minimum_required(VERSION 3.24)
set(commit "$ENV{FASTOCR_COMMIT}")
# Only a checkout of its own counts: a folder above may be another project's.
if(commit STREQUAL "" AND EXISTS "${CMAKE_SOURCE_DIR}/.git")
  find_program(git git)
  if(git)
    execute_process(
      COMMAND "${git}" -c safe.directory=* describe --always --abbrev=12 --dirty=-modified
        --exclude=*
      WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
      OUTPUT_STRIP_TRAILING_WHITESPACE OUTPUT_VARIABLE commit ERROR_QUIET)
  endif()
endif()
# An archive that Git made has its commit in this file, and so has a source distribution.
set(archived "${CMAKE_SOURCE_DIR}/cmake/archived_commit.txt")
if(commit STREQUAL "" AND EXISTS "${archived}")
  file(STRINGS "${archived}" commit REGEX "^[0-9a-f]+$")
  string(SUBSTRING "${commit}" 0 12 commit)
endif()
if(commit STREQUAL "")
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#pragma once\n\n#define FASTOCR_COMMIT \"@commit@\"\n" @ONLY)
