#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
# Speaks as the kernel's checkpatch.pl --terse --show-types does, of two things only.
use strict;
use warnings;

my $patch = $ARGV[-1];
my ($ignored) = join(' ', @ARGV) =~ /--ignore (\S+)/;
my ($signed, $worst) = (0, 0);
open(my $file, '<', $patch) or die "$patch: $!";
while (my $line = <$file>) {
	$signed = 1 if $line =~ /^Signed-off-by:/;
	say_it("WARNING:LONG_LINE: line length of " . (length($line) - 2) . " exceeds 100 columns") if $line =~ /^\+.{101}/;
}
say_it("ERROR:MISSING_SIGN_OFF: Missing Signed-off-by: line(s)") unless $signed;
exit($worst);

sub say_it {
	my ($text) = @_;
	return if $ignored && index($text, $ignored) >= 0;
	print "$patch:$.: $text\n";
	$worst = 1;
}
