# SPDX-License-Identifier: Apache-2.0
# cmake --install: headers, the CMake package, and a pkg-config file.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_DATADIR}/cmake/lowbit)
set(build_folder ${PROJECT_BINARY_DIR}/package)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lowbit DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS lowbit EXPORT lowbit)
install(EXPORT lowbit NAMESPACE lowbit:: DESTINATION ${package_folder} FILE lowbit-targets.cmake)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lowbit-config.cmake.in ${build_folder}/lowbit-config.cmake
    INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${build_folder}/lowbit-config-version.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${build_folder}/lowbit-config.cmake ${build_folder}/lowbit-config-version.cmake DESTINATION ${package_folder})

# Eigen's own warnings are not the user's: its folder is named again, as a system folder.
get_target_property(eigen_include Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lowbit.pc.in ${build_folder}/lowbit.pc @ONLY)
install(FILES ${build_folder}/lowbit.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
