# The suites of the CPU that run on any target, and those of the kernels. Included by test/cpp.
set(emulator ${CMAKE_SOURCE_DIR}/test/emulator)
file(GLOB emulator_suites CONFIGURE_DEPENDS ${emulator}/*_test.cc)
# What only the emulator can show; all others run on a GPU as well (test/gpu).
set(emulator_only ${emulator}/chips_test.cc ${emulator}/emulator_test.cc ${emulator}/alignment_test.cc ${emulator}/special_test.cc
  ${emulator}/graph_test.cc ${emulator}/staging_test.cc ${emulator}/team_test.cc
  ${emulator}/memory_test.cc)
list(REMOVE_ITEM emulator_suites ${emulator_only})
add_library(ckl_kernel_suites OBJECT ${emulator}/golden.cc ${emulator_suites}
  edges_test.cc extremes_test.cc diagnostics_test.cc)
target_include_directories(ckl_kernel_suites SYSTEM PRIVATE ${CKL_DOCTEST_DIR})
target_compile_definitions(ckl_kernel_suites PRIVATE
  CKL_GOLDEN="${CMAKE_SOURCE_DIR}/test/fixtures/golden.jsonl.gz")
target_link_libraries(ckl_kernel_suites PRIVATE ckl_test_support)

add_executable(ckl_emulator_tests main.cc ${emulator}/targets.cc ${emulator_only}
  $<TARGET_OBJECTS:ckl_kernel_suites>)
target_include_directories(ckl_emulator_tests SYSTEM PRIVATE ${CKL_DOCTEST_DIR})
target_link_libraries(ckl_emulator_tests PRIVATE ckl_emulated ckl_test_support)
foreach(target ckl_kernel_suites ckl_emulator_tests)
  target_compile_options(${target} PRIVATE -Wall -Wextra -O1)
endforeach()
target_link_options(ckl_emulator_tests PRIVATE ${sanitizers})
add_test(NAME ckl_emulator_tests COMMAND ckl_emulator_tests)
